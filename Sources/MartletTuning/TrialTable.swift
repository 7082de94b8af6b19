import Foundation
import MartletTraining

/// The best trials of a study as an aligned table.
package struct TrialTable {
    private let trials: [Trial]
    private let metric: MonitoredFigure
    private let keys: [String]
    /// Columns of text that a line may take where it is not shown in a terminal.
    private static let widest = 100

    /// The trials in the order of their cost, `count` of them.
    package init(_ study: Study, _ trials: [Trial], best count: Int = 10) {
        let ranked = trials.sorted { (study.cost($0), $0.number) < (study.cost($1), $1.number) }
        self.trials = Array(ranked.prefix(count))
        metric = study.plan.metric
        keys = study.plan.space.dimensions.map(\.key)
    }

    /// The table's lines, as wide as the terminal, or 100 columns in a file.
    package func lines(for terminal: Terminal) -> [String] {
        lines(width: terminal.isTerminal ? terminal.width() : Self.widest, unicode: terminal.isUnicode)
    }

    /// A column for each setting where they fit into the width; else all settings in one, on as many lines as they need.
    package func lines(width: Int, unicode: Bool) -> [String] {
        let names = keys.map(Self.short)
        let columns = table(names) { trial in [keys.map { .text(trial.settings[$0] ?? "") }] }
        let lines = columns.lines(unicode: unicode)
        if lines.allSatisfy({ $0.columns <= width }) { return lines }
        let empty = table([""]) { _ in [[""]] }.lines(unicode: unicode)
        let room = max(20, width - (empty.map(\.columns).max() ?? 0))
        return table(["Settings"]) { trial in
            let settings = zip(names, keys).map { "\($0)=\(trial.settings[$1] ?? "")" }
            return Self.wrapped(settings, room).map { [.text($0)] }
        }.lines(width: width, unicode: unicode)
    }

    /// A table with these columns of settings; a trial's lines but the first have nothing else.
    private func table(
        _ titles: [String], _ settings: (Trial) -> [[TerminalTable.Cell]]
    ) -> TerminalTable {
        var table = TerminalTable(
            [.init("Trial", .right), .init(metric.name, .right), .init("Epochs", .right)]
                + [.init("Seconds", .right), .init("End")] + titles.map { .init($0) })
        for trial in trials {
            let own: [TerminalTable.Cell] = [
                .count(trial.number), .text(trial.figure.map { String(format: "%.4f", $0) } ?? "-"),
                .count(trial.epochs), .text(String(format: "%.1f", trial.seconds)), .text(trial.state.rawValue),
            ]
            for (line, cells) in settings(trial).enumerated() {
                table.add((line == 0 ? own : own.map { _ in "" }) + cells)
            }
        }
        return table
    }

    /// A setting's path as far as it takes to know it: `optimizer.lr` of `optimizer.lr`, `Linear.out` of `model.layers.1.Linear.out`.
    static func short(_ key: String) -> String { key.split(separator: ".").suffix(2).joined(separator: ".") }

    /// Words in lines of a width; a longer word has a line of its own.
    private static func wrapped(_ words: [String], _ width: Int) -> [String] {
        words.reduce(into: [""]) { lines, word in
            let last = lines[lines.count - 1]
            if last.isEmpty {
                lines[lines.count - 1] = word
            } else if last.columns + 1 + word.columns <= width {
                lines[lines.count - 1] += " " + word
            } else {
                lines.append(word)
            }
        }
    }
}
