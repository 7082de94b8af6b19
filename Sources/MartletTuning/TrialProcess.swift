import Foundation
import MartletFiles

/// A `martlet` that runs beside this process: its lines as they come. It ends when this process does, for its input ends then.
final class TrialProcess: @unchecked Sendable {
    private let process = Process()
    private let (input, output) = (Pipe(), Pipe())

    /// - Parameters:
    ///   - environment: what is added to this process's own.
    ///   - errors: the file for what it writes on standard error.
    ///   - program: the program; nil for `martlet`.
    init(_ arguments: [String], environment: [String: String], errors: String, program: URL? = nil) throws {
        process.executableURL = try program ?? Self.martlet()
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = input
        process.standardOutput = output
        _ = FileManager.default.createFile(atPath: errors, contents: nil)
        guard let log = FileHandle(forWritingAtPath: errors) else {
            throw StudyError(file: errors, field: "log", expected: "a file that can be written", found: "none")
        }
        process.standardError = log
        try process.run()
        try? log.close()
        try? output.fileHandleForWriting.close()
    }

    /// The lines of its standard output.
    var lines: AnySequence<String> {
        AnySequence { [output] in
            var rest = [UInt8]()
            return AnyIterator {
                while true {
                    if let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                        defer { rest.removeSubrange(...end) }
                        return String(decoding: rest[..<end], as: UTF8.self)
                    }
                    let more = output.fileHandleForReading.availableData
                    if more.isEmpty { return nil }
                    rest += more
                }
            }
        }
    }

    /// Asks it to save and end.
    func interrupt() { if process.isRunning { process.interrupt() } }

    /// Waits until it has ended: its exit code, or 128 and the signal that ended it.
    func wait() -> Int32 {
        // What it still writes must go somewhere, or it waits for ever.
        while !output.fileHandleForReading.availableData.isEmpty {}
        process.waitUntilExit()
        return process.terminationReason == .exit ? process.terminationStatus : 128 + process.terminationStatus
    }

    /// The command beside this program, or on the path.
    private static func martlet() throws -> URL {
        let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        let folders =
            [own.deletingLastPathComponent().path]
            + (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
        for folder in folders where FileManager.default.isExecutableFile(atPath: folder + "/martlet") {
            return URL(fileURLWithPath: folder + "/martlet")
        }
        throw StudyError(
            file: "martlet", field: "command", expected: "beside \(own.lastPathComponent), or on the path",
            found: "none")
    }
}
