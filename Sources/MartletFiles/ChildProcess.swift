import Foundation

/// A program that runs beside this one, with its error messages caught.
final class ChildProcess {
    private let identifier: pid_t
    private let messages: Int32
    private var status: Int32?
    private var text: [UInt8] = []

    /// Starts a program that the search path leads to.
    ///
    /// - Parameters:
    ///   - arguments: the program's name and what follows it.
    ///   - inheriting: a file that the child keeps open as its own number 3.
    init(_ arguments: [String], inheriting: Int32) throws(FileError) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw .system(errno, file: arguments[0], step: "make a pipe") }
        // No other child may hold the pipe open, and reading it must not wait.
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 2)
        posix_spawn_file_actions_adddup2(&actions, inheriting, 3)
        var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        var child: pid_t = 0
        let code = posix_spawnp(&child, arguments[0], &actions, nil, &pointers, environ)
        posix_spawn_file_actions_destroy(&actions)
        for pointer in pointers { free(pointer) }
        close(ends[1])
        guard code == 0 else {
            close(ends[0])
            throw .system(code, file: arguments[0], step: "start the program")
        }
        identifier = child
        messages = ends[0]
    }

    deinit {
        close(messages)
    }

    /// Waits some seconds at most for the end, in small steps.
    func hasEnded(within seconds: Double) -> Bool {
        let deadline = Date().addingTimeInterval(seconds)
        while status == nil {
            drain()
            var code: Int32 = 0
            let ended = waitpid(identifier, &code, WNOHANG)
            if ended == identifier {
                // The exit status; for a signal its number and 128, as shells have it.
                status = code & 0x7F == 0 ? code >> 8 & 0xFF : 128 + code & 0x7F
                drain()
            } else if ended < 0, errno != EINTR {
                status = -1
            } else if Date() >= deadline {
                return false
            } else {
                usleep(5000)
            }
        }
        return true
    }

    /// The exit status and what the program wrote to its standard error; to be read after its end.
    var result: (status: Int32, message: String) {
        let message = String(decoding: text, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        return (status ?? -1, message)
    }

    private func drain() {
        var buffer = [UInt8](repeating: 0, count: 1024)
        while case let count = read(messages, &buffer, buffer.count), count > 0 {
            // A program that talks without end must not fill the memory.
            if text.count < 1 << 16 { text += buffer[..<count] }
        }
    }
}
