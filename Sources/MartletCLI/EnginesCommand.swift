import ArgumentParser
import Foundation
import Martlet

/// `martlet engines`.
struct EnginesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "engines", abstract: "Get the native engines.", subcommands: [Fetch.self])

    struct Fetch: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Fetch the pinned oneDNN through pip into ~/.cache/martlet/engines, and check it.")

        func run() throws {
            // $HOME, where the search for engines looks, may be another than the system's list of users says.
            let home = ProcessInfo.processInfo.environment["HOME"] ?? NSHomeDirectory()
            let folder = home + "/.cache/martlet/engines"
            let library = folder + "/" + EngineWheel.library
            let terminal = Terminal.standardError
            if EngineWheel.isRight(library) {
                return terminal.write("oneDNN \(EngineWheel.engineVersion) is already in \(folder)\n")
            }
            terminal.write("fetching \(EngineWheel.package) \(EngineWheel.version) (39 MB)\n")
            try EngineWheel.fetch(to: library)
            terminal.write("oneDNN \(EngineWheel.engineVersion) is in \(folder)\n")
        }
    }
}

/// The wheel that brings oneDNN: the same as `scripts/engines` pins.
enum EngineWheel {
    static let package = "onednn-cpu-gomp"
    static let version = "2023.2.0"
    static let engineVersion = "3.2"
    static let library = "libdnnl.so.3"
    private static let file = "onednn_cpu_gomp-2023.2.0-py2.py3-none-manylinux1_x86_64.whl"
    private static let fileSum = "2f22a54d6a890ed14bfa185d42a4be65d8b5b1df85dc1f0f3a9abe31620416fb"
    private static let member = "onednn_cpu_gomp-2023.2.0.data/data/lib/libdnnl.so.3"
    private static let librarySum = "e6376208cf6bacb041c346b504207e3aa1189a13f941c92a4383a55ac27058ae"

    /// Whether a file is the pinned library.
    static func isRight(_ path: String) -> Bool { (try? check(path, librarySum)) != nil }

    /// Downloads the wheel, checks it, and puts the library in place in one step.
    static func fetch(to path: String) throws {
        let folder = (path as NSString).deletingLastPathComponent
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let work = NSTemporaryDirectory() + "martlet-engine-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: work) }
        try download(into: work)
        let wheel = work + "/" + file
        try check(wheel, fileSum)
        let archive = try ZipArchive(wheel)
        guard let entry = archive.members.first(where: { $0.name == member }) else {
            throw FileError(.missing, file: wheel, field: member, expected: "this member", found: "none")
        }
        let bytes = try archive.withBytes(of: entry) { [UInt8]($0) }
        let sum = bytes.withUnsafeBytes { SHA256.digest($0) }
        guard sum == librarySum else { throw mismatch(wheel, member, librarySum, sum) }
        try AtomicFile.write(bytes, to: path)
    }

    private static func download(into folder: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "python3", "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary",
            ":all:", "--dest", folder, "\(package)==\(version)",
        ]
        process.standardOutput = FileHandle.standardError
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw CommandFailure(
                .missingInput,
                """
                pip could not download \(package) \(version). Where python3 or pip is missing, install it with
                    apt-get install python3-pip
                """)
        }
    }

    private static func check(_ path: String, _ expected: String) throws {
        let sum = try MappedFile(path).withBytes { SHA256.digest($0) }
        guard sum == expected else { throw mismatch(path, "SHA-256", expected, sum) }
    }

    private static func mismatch(_ path: String, _ field: String, _ expected: String, _ found: String) -> FileError {
        FileError(.mismatch, file: path, field: field, expected: expected, found: found)
    }
}
