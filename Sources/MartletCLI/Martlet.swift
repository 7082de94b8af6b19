import ArgumentParser
import Foundation

/// `martlet`: one file a subcommand, thin.
@main
struct MartletCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "martlet", abstract: "Train, evaluate and use neural networks.",
        discussion: """
            Exit codes: 0 done, 64 usage, 65 bad data, 66 missing input, 70 internal, 130 interrupted with the \
            checkpoint saved.
            """,
        version: "0.1.0",
        subcommands: [
            TrainCommand.self, EvaluateCommand.self, PredictCommand.self, SummaryCommand.self, ProfileCommand.self,
            ScheduleCommand.self, LearningRateCommand.self, TuneCommand.self, PlotCommand.self, DoctorCommand.self,
            DataCommand.self, EnginesCommand.self,
        ])

    static func main() {
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch {
            CommandFailure.leave(with: error)
        }
    }
}
