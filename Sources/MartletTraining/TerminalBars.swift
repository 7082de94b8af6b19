/// Classes and their probabilities as bars, most likely first as given.
///
///       7  ████████████████████████████████████████████████████████████▊   99.81%
///       2  ▏                                                                0.12%
package struct TerminalBars {
    /// A class.
    package struct Row: Equatable, Sendable {
        package let label: String
        /// From 0 to 1.
        package let probability: Double

        package init(_ label: String, _ probability: Double) {
            (self.label, self.probability) = (label, probability)
        }
    }

    private let rows: [Row]
    /// Longer names are cut, so that the bars keep at least half of the line.
    private static let longestLabel = 28
    private static let eighths = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]

    /// Bars in the order given.
    package init(_ rows: [Row]) {
        self.rows = rows.map { Row($0.label.withoutControls, $0.probability) }
    }

    /// The lines, each of exactly `width` columns, at most 80; `unicode: false` draws with `#`.
    package func lines(width: Int = Terminal.usualWidth, unicode: Bool = true) -> [String] {
        let width = min(width, Terminal.usualWidth)
        let labelWidth = min(rows.map(\.label.columns).max() ?? 0, Self.longestLabel, max(1, width / 3))
        let numberWidth = 8
        let barWidth = max(1, width - 2 - labelWidth - 2 - numberWidth)
        return rows.map { row in
            let label = row.label.fitted(to: labelWidth, unicode: unicode)
            let number = NumberText.percent(row.probability).rightAligned(to: numberWidth)
            return "  \(label)  \(Self.bar(row.probability, width: barWidth, unicode: unicode))\(number)"
        }
    }

    /// The lines as they suit a terminal.
    package func lines(for terminal: Terminal) -> [String] {
        lines(width: terminal.width(), unicode: terminal.isUnicode)
    }

    private static func bar(_ fraction: Double, width: Int, unicode: Bool) -> String {
        let fraction = fraction.isFinite ? min(1, max(0, fraction)) : 0
        guard unicode else {
            return String(repeating: "#", count: Int((fraction * Double(width)).rounded())).fitted(to: width)
        }
        let parts = Int((fraction * Double(8 * width)).rounded())
        return (String(repeating: "█", count: parts / 8) + eighths[parts % 8]).fitted(to: width)
    }
}
