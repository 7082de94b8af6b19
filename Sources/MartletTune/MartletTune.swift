import ArgumentParser
import Foundation
import MartletFiles
import MartletRecipes
import MartletTraining
import MartletTuning
import Synchronization

/// `martlet tune`, a program of its own: only it needs SQLite's headers to be built.
@main
struct MartletTune: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "martlet tune", abstract: "Search for the settings of a recipe that do best.",
        discussion: """
            The recipe's section tune: says what to vary, how to choose (tpe, random, grid), how many trials there are, and \
            what ends a hopeless one early. A study that is killed goes on where it was: give the same command again.
            """)

    @Argument(help: "A recipe with a section tune:.") var recipe: String
    @Option(name: .customLong("set"), help: "A setting in place of the recipe's: KEY=VALUE; as often as you like.")
    var overrides: [String] = []
    @Option(help: "The study's folder (studies/NAME).") var output: String?
    @Flag(help: "One JSON object a line on standard output.") var json = false

    static func main() {
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch let error as RecipeError { leave("\(error)", 65) } catch let error as StudyError {
            leave("\(error)", 65)
        } catch let error as FileError { leave("\(error)", error.kind == .missing ? 66 : 65) } catch {
            exit(withError: error)
        }
    }

    private static func leave(_ message: String, _ code: Int32) -> Never {
        Terminal.standardError.write("martlet: \(message)\n")
        Foundation.exit(code)
    }

    mutating func run() throws {
        let plan = try StudyPlan(contentsOf: recipe, overrides: overrides)
        let name = ((recipe as NSString).lastPathComponent as NSString).deletingPathExtension
        let study = try Study(plan, folder: output ?? "studies/\(name)")
        let trap = SignalTrap()
        defer { trap.restore() }
        let isJSON = json
        let before = try study.trials.count { $0.state != .running }
        if !isJSON {
            let goesOn = before > 0 ? ", \(before) of them done before" : ""
            Terminal.standardError.write(
                "\(plan.trials) trials by \(plan.algorithm.rawValue), \(plan.parallel) at a time\(goesOn); \(study.folder)\n"
            )
        }
        let tell: @Sendable (Trial) -> Void = { trial in
            if isJSON { return (try? JSONLines.print(TrialLine(trial))) ?? () }
            Terminal.standardError.write(Self.line(trial, plan.metric) + "\n")
        }
        try study.run(isInterrupted: { SignalTrap.isAnyRaised }, observer: tell)
        if trap.isRaised {
            Terminal.standardError.write("Interrupted; give the same command again to go on.\n")
            throw ExitCode(trap.exitCode ?? 130)
        }
        try show(study)
    }

    private static func line(_ trial: Trial, _ metric: MonitoredFigure) -> String {
        let settings = trial.settings.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
        let figure = trial.figure.map { String(format: "%.4f", $0) } ?? "-"
        let end =
            trial.state == .finished
            ? "" : " \(trial.state.rawValue) after \(trial.epochs) epoch\(trial.epochs == 1 ? "" : "s")"
        return "Trial \(trial.number): \(metric.name) \(figure)\(end)  \(settings)"
            + (trial.message.map { "  (\($0))" } ?? "")
    }

    private func show(_ study: Study) throws {
        let (trials, best) = (try study.trials, try study.best)
        if json {
            return try JSONLines.print(
                EndLine(trials: trials.count, best: best.map(TrialLine.init), folder: study.folder))
        }
        let terminal = Terminal.standardOutput
        let table = TrialTable(study, trials).lines(for: terminal)
        terminal.write(table.joined(separator: "\n") + "\n\n")
        let seconds = trials.reduce(0) { $0 + $1.seconds }
        terminal.write(String(format: "%ld trials, %.0f s of training\n", trials.count, seconds))
        if best != nil { terminal.write("Best    \(study.bestPath)\n") }
        terminal.write("Page    \(study.pagePath)\n")
    }
}

/// The lines of `--json`.
private struct TrialLine: Encodable {
    let event = "trial"
    let number: Int
    let state: String
    let settings: [String: String]
    let figure: Double?
    let epochs: Int
    let seconds: Double
    let message: String?

    init(_ trial: Trial) {
        (number, state, settings) = (trial.number, trial.state.rawValue, trial.settings)
        (figure, epochs, seconds, message) = (trial.figure, trial.epochs, trial.seconds, trial.message)
    }
}

private struct EndLine: Encodable {
    let event = "end"
    let trials: Int
    let best: TrialLine?
    let folder: String
}
