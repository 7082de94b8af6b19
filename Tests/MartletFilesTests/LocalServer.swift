import Foundation

/// A web server for one folder on this machine, ended with the test and after two minutes in any case.
final class LocalServer {
    struct NotStarted: Error {}

    /// The address of the folder, with a slash at its end.
    let address: String
    private let process = Process()

    init(serving folder: String) throws {
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "timeout", "120", "python3", "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", folder,
        ]
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        // "Serving HTTP on 127.0.0.1 port 41234 (http://127.0.0.1:41234/) ..."
        let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        guard let port = line.components(separatedBy: " port ").last?.split(separator: " ").first, Int(port) != nil
        else {
            process.terminate()
            throw NotStarted()
        }
        address = "http://127.0.0.1:\(port)/"
    }

    deinit { process.terminate() }

    /// Whether this machine has what the server needs.
    static var isAvailable: Bool {
        ["python3", "curl", "timeout"].allSatisfy { program in
            (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").contains {
                access("\($0)/\(program)", X_OK) == 0
            }
        }
    }
}
