import Foundation

/// A program of this package, run to its end.
package struct ProgramRun {
    /// What it printed, line by line.
    package let lines: [String]
    /// What it wrote to standard error.
    package let errors: String
    package let exitCode: Int32

    /// Runs a product that was built beside the tests, in a folder of its own.
    ///
    /// - Throws: where there is no such program.
    package init(_ product: String, _ arguments: [String] = [], environment: [String: String] = [:]) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("\(product)-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let process = Process()
        process.executableURL = try ProgramRun.location(of: product)
        process.arguments = arguments
        process.currentDirectoryURL = folder
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let (output, errors) = (Pipe(), folder.appendingPathComponent("stderr"))
        try Data().write(to: errors)
        process.standardOutput = output
        process.standardError = try FileHandle(forWritingTo: errors)
        try process.run()
        let printed = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        exitCode = process.terminationStatus
        lines = String(decoding: printed, as: UTF8.self).split(separator: "\n").map(String.init)
        self.errors = String(decoding: try Data(contentsOf: errors), as: UTF8.self)
    }

    /// Products lie in the folder of the running test bundle.
    package static func location(of product: String) throws -> URL {
        let bundle = URL(fileURLWithPath: ProcessInfo.processInfo.arguments[0]).deletingLastPathComponent()
        let build = URL(fileURLWithPath: Repository.root).appendingPathComponent(".build")
        let candidates = [bundle, build.appendingPathComponent("debug"), build.appendingPathComponent("release")]
        for candidate in candidates.map({ $0.appendingPathComponent(product) })
        where FileManager.default.isExecutableFile(atPath: candidate.path) {
            return candidate
        }
        throw MissingProgram(product: product, places: candidates.map(\.path))
    }

    /// A product that was not built.
    package struct MissingProgram: Error, CustomStringConvertible {
        package let product: String
        package let places: [String]
        package var description: String {
            "\(product) is in none of \(places); build it with swift build --build-tests"
        }
    }
}
