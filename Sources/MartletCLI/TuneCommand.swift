import ArgumentParser
import Foundation
import Martlet

/// `martlet tune`: a program beside this one, for only it needs SQLite to be built.
struct TuneCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tune", abstract: "Search for the settings of a recipe that do best.",
        discussion: "A program of its own, martlet-tune; martlet tune --help shows its options once it is built.")

    @Argument(parsing: .captureForPassthrough, help: "What martlet-tune takes.") var arguments: [String] = []

    func run() throws {
        let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        let program = own.deletingLastPathComponent().appendingPathComponent("martlet-tune").path
        guard FileManager.default.isExecutableFile(atPath: program) else {
            throw CommandFailure(
                .missingInput,
                """
                \(program) is not there. Build it with
                    swift build -c release --product martlet-tune
                which needs SQLite's headers (Debian's package libsqlite3-dev).
                """)
        }
        let words = ([program] + arguments).map { strdup($0) } + [nil]
        execv(program, words)
        throw CommandFailure(.internalError, "\(program): \(String(cString: strerror(errno)))")
    }
}
