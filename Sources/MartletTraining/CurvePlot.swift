import Foundation

/// A curve over an axis of any kind, in characters and as SVG.
package struct CurvePlot {
    /// A point with a name.
    package struct Mark {
        let x: Double
        let y: Double
        let label: String
    }

    let title: String
    let xLabel: String
    /// In the order of x.
    let points: [(x: Double, y: Double)]
    let marks: [Mark]
    let x: ChartAxis
    let y: ChartAxis

    // MARK: In the terminal

    private static let rows = 14

    /// The curve with its axes, at most 80 columns wide.
    package func lines(for terminal: Terminal) -> [String] {
        var labels = [String](repeating: "", count: Self.rows)
        for tick in y.ticks { labels[row(of: tick, among: Self.rows)] = label(tick) }
        let labelWidth = labels.map(\.columns).max() ?? 0
        let columns = max(8, min(terminal.width(), Terminal.usualWidth) - labelWidth - 3)
        let cells = terminal.isUnicode ? braille(columns) : stars(columns)
        let bar = terminal.isUnicode ? ("┤", "│", "└", "─") : ("+", "|", "+", "-")
        let margin = String(repeating: " ", count: labelWidth + 1)
        let curve = zip(labels, cells).map { label, cells in
            label.rightAligned(to: labelWidth) + " " + (label.isEmpty ? bar.1 : bar.0) + cells
        }
        return [margin + " " + title.withoutControls] + curve
            + [margin + bar.2 + String(repeating: bar.3, count: columns), margin + " " + ticks(columns)]
    }

    /// The axis' numbers, each where it belongs as far as they do not touch.
    private func ticks(_ columns: Int) -> String {
        var line = ""
        for tick in x.ticks {
            let text = label(tick)
            let place = Int((x.position(tick) * Double(columns - 1)).rounded()) - text.count / 2
            let start = min(columns - text.count, max(0, place))
            guard line.isEmpty || start > line.count else { continue }
            line += String(repeating: " ", count: start - line.count) + text
        }
        return line
    }

    private func label(_ value: Double) -> String { String(format: "%.4g", value) }

    /// The row of a value, counted from the top.
    private func row(of value: Double, among rows: Int) -> Int {
        let place = (1 - y.position(value)) * Double(rows)
        return min(rows - 1, max(0, Int(place.rounded(.down))))
    }

    /// The rows of dots that the curve covers in each of so many columns; between two points it is straight.
    private func covered(_ columns: Int, _ rows: Int) -> [ClosedRange<Int>?] {
        var last: Int?
        var index = 0
        return (0..<columns).map { column in
            let place = columns == 1 ? 0 : Double(column) / Double(columns - 1)
            while index + 1 < points.count, x.position(points[index + 1].x) < place { index += 1 }
            guard let value = value(at: place, after: index) else {
                last = nil
                return nil
            }
            let row = self.row(of: value, among: rows)
            defer { last = row }
            guard let last, last != row else { return row...row }
            return last < row ? (last + 1)...row : row...(last - 1)
        }
    }

    /// The curve's height at a place of the axis that is not before point `index`; nil beyond its ends.
    private func value(at place: Double, after index: Int) -> Double? {
        let from = x.position(points[index].x)
        if points.count == 1 || place < from { return abs(place - from) < 0.01 ? points[index].y : nil }
        guard index + 1 < points.count else { return nil }
        let to = x.position(points[index + 1].x)
        guard to > from, place <= to + 1e-9 else { return nil }
        return points[index].y + (points[index + 1].y - points[index].y) * (place - from) / (to - from)
    }

    /// Two by four dots a character.
    private func braille(_ columns: Int) -> [String] {
        // The bit of a dot by its row and column in a character, as Unicode has them.
        let bits: [[UInt32]] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]]
        var cells = [[UInt32]](repeating: [UInt32](repeating: 0, count: columns), count: Self.rows)
        for (x, rows) in covered(2 * columns, 4 * Self.rows).enumerated() {
            for y in rows.map(Array.init) ?? [] { cells[y / 4][x / 2] |= bits[y % 4][x % 2] }
        }
        return cells.map { row in
            String(String.UnicodeScalarView(row.compactMap { $0 == 0 ? " " : Unicode.Scalar(0x2800 + $0) }))
        }
    }

    private func stars(_ columns: Int) -> [String] {
        var cells = [[Character]](repeating: [Character](repeating: " ", count: columns), count: Self.rows)
        for (x, rows) in covered(columns, Self.rows).enumerated() {
            for y in rows.map(Array.init) ?? [] { cells[y][x] = "*" }
        }
        return cells.map { String($0) }
    }

    // MARK: As a picture

    private static let (width, height) = (640.0, 360.0)
    private static let (left, right, top, bottom) = (64.0, 20.0, 36.0, 44.0)

    /// A picture that stands alone.
    package var svg: String {
        let curve = points.enumerated().map {
            "\($0.offset == 0 ? "M" : "L")\(across($0.element.x)) \(up($0.element.y))"
        }
        let middle = text((Self.left + Self.width - Self.right) / 2)
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Int(Self.width)) \(Int(Self.height))" role="img">
            <style>text{font:12px sans-serif;fill:#555}.title{font-size:14px;fill:#222}.grid{stroke:#ddd;fill:none}\
            .curve{stroke:#2a6fb0;stroke-width:2;fill:none;stroke-linejoin:round}.mark{fill:#c0392b}</style>
            <rect width="100%" height="100%" fill="#fff"/>
            <text class="title" x="\(text(Self.left))" y="22">\(escaped(title))</text>
            \((rules + dots).joined(separator: "\n"))
            <path class="curve" d="\(curve.joined())"/>
            <text x="\(middle)" y="\(text(Self.height - 8))" text-anchor="middle">\(escaped(xLabel))</text>
            </svg>

            """
    }

    private var rules: [String] {
        y.ticks.map { tick in
            "<path class=\"grid\" d=\"M\(text(Self.left)) \(up(tick))H\(text(Self.width - Self.right))\"/>"
                + "<text x=\"\(text(Self.left - 8))\" y=\"\(up(tick))\" dy=\".35em\" text-anchor=\"end\">\(label(tick))</text>"
        }
            + x.ticks.map { tick in
                "<text x=\"\(across(tick))\" y=\"\(text(Self.height - Self.bottom + 20))\" text-anchor=\"middle\">"
                    + "\(label(tick))</text>"
            }
    }

    private var dots: [String] {
        marks.enumerated().map { index, mark in
            // Two marks may lie side by side: one is named above, the next below. At the ends names go inwards.
            let place = x.position(mark.x)
            let anchor = place < 0.15 ? "start" : place > 0.85 ? "end" : "middle"
            return "<circle class=\"mark\" cx=\"\(across(mark.x))\" cy=\"\(up(mark.y))\" r=\"4\"/>"
                + "<text x=\"\(across(mark.x))\" y=\"\(up(mark.y))\" dy=\"\(index.isMultiple(of: 2) ? -8 : 18)\" "
                + "text-anchor=\"\(anchor)\">\(escaped(mark.label))</text>"
        }
    }

    private func across(_ value: Double) -> String {
        text(Self.left + x.position(value) * (Self.width - Self.left - Self.right))
    }

    private func up(_ value: Double) -> String {
        text(Self.height - Self.bottom - y.position(value) * (Self.height - Self.top - Self.bottom))
    }

    private func text(_ value: Double) -> String { String(format: "%.1f", value) }

    private func escaped(_ text: String) -> String {
        text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
            .replacingOccurrences(of: ">", with: "&gt;")
    }
}
