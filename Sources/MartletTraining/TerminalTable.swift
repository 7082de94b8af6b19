/// An aligned table without boxes, for `summary` and `doctor`.
///
///     Layer   Output    Parameters
///     ────────────────────────────
///     conv1   6×28×28          156
///     ────────────────────────────
///     Total                 61,706
package struct TerminalTable {
    /// On which side a column's texts meet.
    package enum Alignment: Sendable { case left, right }

    /// A column with its title; where all titles are empty there is no head.
    package struct Column: Sendable {
        package let title: String
        package let alignment: Alignment

        package init(_ title: String, _ alignment: Alignment = .left) {
            (self.title, self.alignment) = (title, alignment)
        }
    }

    /// A text, or a number.
    package enum Cell: Sendable, ExpressibleByStringInterpolation, ExpressibleByIntegerLiteral {
        case text(String)
        /// Printed with thousands separators.
        case count(Int)

        package init(stringLiteral value: String) { self = .text(value) }
        package init(integerLiteral value: Int) { self = .count(value) }

        fileprivate var string: String {
            switch self {
            case .text(let text): text.withoutControls
            case .count(let count): NumberText.grouped(count)
            }
        }
    }

    private let columns: [Column]
    private var rows: [[String]] = []
    private var footers: [[String]] = []
    private static let gap = 3
    private static let narrowest = 8

    /// A table without rows.
    package init(_ columns: [Column]) { self.columns = columns }

    /// Appends a row; cells that are missing stay empty.
    package mutating func add(_ cells: Cell...) { rows.append(cells.map(\.string)) }

    /// Appends a row; cells that are missing stay empty.
    package mutating func add(_ cells: [Cell]) { rows.append(cells.map(\.string)) }

    /// Appends a row below the second rule: a total.
    package mutating func addFooter(_ cells: Cell...) { footers.append(cells.map(\.string)) }

    /// Appends a row below the second rule: a total.
    package mutating func addFooter(_ cells: [Cell]) { footers.append(cells.map(\.string)) }

    /// The table's lines; the widest column of text gives way where `width` is too little.
    package func lines(width: Int = .max, unicode: Bool = true) -> [String] {
        let widths = columnWidths(within: width)
        let total = widths.reduce(0, +) + Self.gap * max(0, widths.count - 1)
        let rule = String(repeating: unicode ? "─" : "-", count: total)
        func line(_ cells: [String]) -> String {
            let texts = columns.indices.map { index in
                let text = (index < cells.count ? cells[index] : "")
                return columns[index].alignment == .right
                    ? text.rightAligned(to: widths[index]) : text.fitted(to: widths[index], unicode: unicode)
            }
            let joined = texts.joined(separator: String(repeating: " ", count: Self.gap))
            return String(joined.reversed().drop { $0 == " " }.reversed())
        }
        var lines = rows.map(line)
        if columns.contains(where: { !$0.title.isEmpty }) { lines = [line(columns.map(\.title)), rule] + lines }
        return footers.isEmpty ? lines : lines + [rule] + footers.map(line)
    }

    /// The lines as they suit a terminal; a file gets every column in full.
    package func lines(for terminal: Terminal) -> [String] {
        lines(width: terminal.isTerminal ? terminal.width() : .max, unicode: terminal.isUnicode)
    }

    private func columnWidths(within limit: Int) -> [Int] {
        var widths = columns.indices.map { index in
            (rows + footers + [columns.map(\.title)]).map { index < $0.count ? $0[index].columns : 0 }.max() ?? 0
        }
        let gaps = Self.gap * max(0, widths.count - 1)
        while widths.reduce(gaps, +) > limit {
            let texts = columns.indices.filter { columns[$0].alignment == .left && widths[$0] > Self.narrowest }
            guard let widest = texts.max(by: { widths[$0] < widths[$1] }) else { break }
            widths[widest] -= 1
        }
        return widths
    }
}
