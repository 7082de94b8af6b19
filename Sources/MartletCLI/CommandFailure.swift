import ArgumentParser
import Foundation
import Martlet
import MartletRecipes

/// What a command ends with when it cannot do what was asked: the codes of sysexits.h.
struct CommandFailure: Error {
    enum Code: Int32 {
        case usage = 64
        case badData = 65
        case missingInput = 66
        case internalError = 70
    }
    let code: Code
    let message: String

    init(_ code: Code, _ message: String) { (self.code, self.message) = (code, message) }

    /// Any error as a failure: what it is about decides the code.
    init(_ error: any Error) {
        switch error {
        case let failure as CommandFailure: self = failure
        case let error as FileError: self.init(Self.code(of: error.kind), error.description)
        case let error as RecipeError: self.init(.badData, error.description)
        case let error as TableError: self.init(.badData, error.description)
        case let error as SplitError: self.init(.badData, error.description)
        case let error as MetricError: self.init(.badData, error.description)
        case let error as DataError: self.init(.badData, error.description)
        case let error as NonFiniteLoss:
            self.init(.badData, "\(error)\nTry a lower --learning-rate, or look for such numbers in the data.")
        case let error as PersistentOverflow: self.init(.badData, error.description)
        default: self.init(.internalError, "internal error: \(error)")
        }
    }

    private static func code(of kind: FileError.Kind) -> Code {
        switch kind {
        case .missing, .permission, .unreachable: .missingInput
        case .malformed, .unsupported, .mismatch, .diskFull: .badData
        case .inputOutput: .internalError
        }
    }

    /// Ends the process: the argument parser's own errors and requests for help in its words, others in a line.
    static func leave(with error: any Error) -> Never {
        let isOurs = error is CommandFailure || MartletCommand.exitCode(for: error) == .failure
        guard isOurs else { MartletCommand.exit(withError: error) }
        let failure = CommandFailure(error)
        CommandLog.logger.error("\(failure.message)")
        if CommandLine.arguments.contains("--json") {
            let line = Event(event: "error", code: failure.code.rawValue, message: failure.message)
            try? JSONLines.print(line)
        }
        exit(failure.code.rawValue)
    }

    private struct Event: Encodable {
        let event: String
        let code: Int32
        let message: String
    }
}
