import Foundation

/// A curve over an axis of any kind, in characters and as SVG.
package struct CurvePlot {
    /// A point with a name.
    package struct Mark {
        let x: Double
        let y: Double
        let label: String
    }

    /// In the order of x; a height that is no number leaves a gap.
    private let points: [(x: Double, y: Double)]
    private let marks: [Mark]
    private let frame: ChartFrame

    /// A curve of at least one point.
    ///
    /// - Parameter xText: a number of the horizontal axis as it is written; nil for four digits.
    package init(
        title: String, xLabel: String, points: [(x: Double, y: Double)], marks: [Mark] = [], x: ChartAxis, y: ChartAxis,
        xText: (@Sendable (Double) -> String)? = nil
    ) {
        (self.points, self.marks) = (points, marks)
        frame = ChartFrame(title: title, xLabel: xLabel, x: x, y: y, xText: xText ?? ChartFrame.label)
    }

    // MARK: In the terminal

    private static let rows = 14

    /// The curve with its axes, at most 80 columns wide.
    package func lines(for terminal: Terminal) -> [String] {
        frame.lines(Self.rows, for: terminal) { terminal.isUnicode ? braille($0) : stars($0) }
    }

    /// The rows of dots that the curve covers in each of so many columns; between two points it is straight.
    private func covered(_ columns: Int, _ rows: Int) -> [ClosedRange<Int>?] {
        var last: Int?
        var index = 0
        return (0..<columns).map { column in
            let place = columns == 1 ? 0 : Double(column) / Double(columns - 1)
            while index + 1 < points.count, frame.x.position(points[index + 1].x) < place { index += 1 }
            guard let value = value(at: place, after: index), ChartAxis.canShow(value) else {
                last = nil
                return nil
            }
            let row = frame.row(of: value, among: rows)
            defer { last = row }
            guard let last, last != row else { return row...row }
            return last < row ? (last + 1)...row : row...(last - 1)
        }
    }

    /// The curve's height at a place of the axis that is not before point `index`; nil beyond its ends.
    private func value(at place: Double, after index: Int) -> Double? {
        let from = frame.x.position(points[index].x)
        if points.count == 1 || place < from { return abs(place - from) < 0.01 ? points[index].y : nil }
        guard index + 1 < points.count else { return nil }
        let to = frame.x.position(points[index + 1].x)
        guard to > from, place <= to + 1e-9 else { return nil }
        let (low, high) = (points[index].y, points[index + 1].y)
        return low + (high - low) * (place - from) / (to - from)
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

    /// A picture that stands alone.
    package var svg: String {
        let curve = "<path class=\"curve\" d=\"\(frame.path(points))\"/>"
        return frame.svg(style: Self.style, [curve] + dots)
    }

    /// Names have a rim of the ground's colour, for a curve may pass behind them.
    private static let style =
        ".curve{stroke:#2a6fb0}.mark{fill:#c0392b}.name{paint-order:stroke;stroke:#fff;stroke-width:4px}"

    private var dots: [String] {
        marks.enumerated().map { index, mark in
            // Two marks may lie side by side: one is named on its left, the next above or below. At the ends names go inwards,
            // and none goes below the axis, where its numbers stand.
            let (place, height) = (frame.x.position(mark.x), frame.y.position(mark.y))
            let isBeside = index.isMultiple(of: 2) && place > 0.25
            let anchor = isBeside || place > 0.85 ? "end" : place < 0.15 ? "start" : "middle"
            let (across, up) = (frame.across(mark.x), frame.up(mark.y))
            let (right, down) = isBeside ? (-10, 4) : (0, height > 0.1 ? 20 : -10)
            return "<circle class=\"mark\" cx=\"\(across)\" cy=\"\(up)\" r=\"4\"/>"
                + "<text class=\"name\" x=\"\(across)\" dx=\"\(right)\" y=\"\(up)\" dy=\"\(down)\" "
                + "text-anchor=\"\(anchor)\">\(mark.label.htmlEscaped)</text>"
        }
    }
}
