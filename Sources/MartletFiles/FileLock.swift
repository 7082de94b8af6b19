import Foundation

/// An exclusive lock between processes: a file that exists while someone holds or awaits it.
///
/// The system drops the lock when its last holder ends, however it ends.
struct FileLock {
    let descriptor: Int32
    private let path: String

    /// Waits for the lock.
    init(_ path: String) throws(FileError) {
        self.path = path
        while true {
            let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
            guard descriptor >= 0 else { throw .system(errno, file: path, step: "open the lock") }
            var result: Int32
            repeat { result = flock(descriptor, LOCK_EX) } while result != 0 && errno == EINTR
            guard result == 0 else {
                let code = errno
                close(descriptor)
                throw .system(code, file: path, step: "lock")
            }
            // The holder before us may have removed the file while we waited: then others lock a newer one.
            if Self.isSameFile(descriptor, path) {
                self.descriptor = descriptor
                return
            }
            close(descriptor)
        }
    }

    private static func isSameFile(_ descriptor: Int32, _ path: String) -> Bool {
        var (held, named) = (stat(), stat())
        guard fstat(descriptor, &held) == 0, stat(path, &named) == 0 else { return false }
        return held.st_dev == named.st_dev && held.st_ino == named.st_ino
    }

    /// Removes the file and lets the next one in.
    func release() {
        unlink(path)
        close(descriptor)
    }
}
