import Foundation
import Martlet

/// A schedule's curve, in characters and as SVG.
struct SchedulePlot {
    let title: String
    /// The steps drawn, in order: all of them, or as many as a picture can show, the last among them.
    let points: [(step: Int, value: Double)]
    private let lastStep: Int
    private static let mostPoints = 2000

    init(_ schedule: any Schedule, steps: Int, title: String) {
        self.title = title.withoutControls
        lastStep = steps - 1
        let count = min(steps, Self.mostPoints)
        points = (0..<count).map { index in
            let step = count == 1 ? 0 : Int((Double(index) * Double(steps - 1) / Double(count - 1)).rounded())
            return (step, schedule(step))
        }
    }

    /// Beyond this an axis' own numbers would no longer be finite.
    private static func canBeDrawn(_ value: Double) -> Bool { value.magnitude < 1e300 }
    private var finite: [Double] { points.map(\.value).filter(Self.canBeDrawn) }
    private var axis: ChartAxis { .linear(min(0, finite.min() ?? 0), finite.max() ?? 1, count: 4) }

    // MARK: In the terminal

    private static let rows = 14

    /// The curve with its axes, at most 80 columns wide.
    func lines(for terminal: Terminal) -> [String] {
        let axis = axis
        let width = min(terminal.width(), Terminal.usualWidth)
        var labels = [String](repeating: "", count: Self.rows)
        for tick in axis.ticks { labels[row(of: tick, axis, among: Self.rows)] = label(tick) }
        let labelWidth = labels.map(\.columns).max() ?? 0
        let columns = max(8, width - labelWidth - 3)
        let cells = terminal.isUnicode ? braille(columns, axis) : stars(columns, axis)
        let bar = terminal.isUnicode ? ("┤", "│", "└", "─") : ("+", "|", "+", "-")
        var lines = zip(labels, cells).map { label, cells in
            label.rightAligned(to: labelWidth) + " " + (label.isEmpty ? bar.1 : bar.0) + cells
        }
        let margin = String(repeating: " ", count: labelWidth + 1)
        lines.append(margin + bar.2 + String(repeating: bar.3, count: columns))
        let end = NumberText.grouped(lastStep)
        lines.append(margin + " 0" + end.rightAligned(to: columns - 1))
        let values = finite
        lines.append(
            "\(title): \(label(points[0].value)) at step 0, \(label(points[points.count - 1].value)) at step \(end), "
                + "from \(label(values.min() ?? .nan)) to \(label(values.max() ?? .nan))")
        return lines
    }

    /// The row of a value, counted from the top.
    private func row(of value: Double, _ axis: ChartAxis, among rows: Int) -> Int {
        min(rows - 1, max(0, Int(((1 - axis.position(value)) * Double(rows)).rounded(.down))))
    }

    private func label(_ value: Double) -> String { String(format: "%.4g", value) }

    /// The rows of dots that the curve covers in each of so many columns, joined to the column before.
    private func covered(_ columns: Int, _ rows: Int, _ axis: ChartAxis) -> [ClosedRange<Int>?] {
        var last: Int?
        return (0..<columns).map { column in
            let place = columns == 1 ? 0 : Double(column) / Double(columns - 1)
            let value = points[Int((place * Double(points.count - 1)).rounded())].value
            guard Self.canBeDrawn(value) else {
                last = nil
                return nil
            }
            let row = self.row(of: value, axis, among: rows)
            defer { last = row }
            guard let last, last != row else { return row...row }
            return last < row ? (last + 1)...row : row...(last - 1)
        }
    }

    /// Two by four dots a character.
    private func braille(_ columns: Int, _ axis: ChartAxis) -> [String] {
        // The bit of a dot by its row and column in a character, as Unicode has them.
        let bits: [[UInt32]] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]]
        var cells = [[UInt32]](repeating: [UInt32](repeating: 0, count: columns), count: Self.rows)
        for (x, rows) in covered(2 * columns, 4 * Self.rows, axis).enumerated() {
            for y in rows.map(Array.init) ?? [] { cells[y / 4][x / 2] |= bits[y % 4][x % 2] }
        }
        return cells.map { row in
            String(String.UnicodeScalarView(row.compactMap { $0 == 0 ? " " : Unicode.Scalar(0x2800 + $0) }))
        }
    }

    private func stars(_ columns: Int, _ axis: ChartAxis) -> [String] {
        var cells = [[Character]](repeating: [Character](repeating: " ", count: columns), count: Self.rows)
        for (x, rows) in covered(columns, Self.rows, axis).enumerated() {
            for y in rows.map(Array.init) ?? [] { cells[y][x] = "*" }
        }
        return cells.map { String($0) }
    }

    // MARK: As a picture

    private static let (width, height) = (640.0, 360.0)
    private static let (left, right, top, bottom) = (64.0, 20.0, 36.0, 44.0)

    /// A picture that stands alone.
    var svg: String {
        let (x, y) = (ChartAxis.whole(0, max(1, lastStep)), axis)
        func across(_ value: Double) -> String {
            text(Self.left + x.position(value) * (Self.width - Self.left - Self.right))
        }
        func up(_ value: Double) -> String {
            text(Self.height - Self.bottom - y.position(value) * (Self.height - Self.top - Self.bottom))
        }
        var parts = y.ticks.map { tick in
            "<path class=\"grid\" d=\"M\(text(Self.left)) \(up(tick))H\(text(Self.width - Self.right))\"/>"
                + "<text x=\"\(text(Self.left - 8))\" y=\"\(up(tick))\" dy=\".35em\" text-anchor=\"end\">\(label(tick))</text>"
        }
        parts += x.ticks.map { tick in
            "<text x=\"\(across(tick))\" y=\"\(text(Self.height - Self.bottom + 20))\" text-anchor=\"middle\">"
                + "\(NumberText.grouped(Int(tick)))</text>"
        }
        // A gap where a number is none.
        var path = ""
        var isDown = false
        for point in points {
            guard Self.canBeDrawn(point.value) else {
                isDown = false
                continue
            }
            path += "\(isDown ? "L" : "M")\(across(Double(point.step))) \(up(point.value))"
            isDown = true
        }
        let middle = text((Self.left + Self.width - Self.right) / 2)
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Int(Self.width)) \(Int(Self.height))" role="img">
            <style>text{font:12px sans-serif;fill:#555}.title{font-size:14px;fill:#222}.grid{stroke:#ddd;fill:none}\
            .curve{stroke:#2a6fb0;stroke-width:2;fill:none;stroke-linejoin:round}</style>
            <rect width="100%" height="100%" fill="#fff"/>
            <text class="title" x="\(text(Self.left))" y="22">\(escaped(title))</text>
            \(parts.joined(separator: "\n"))
            <path class="curve" d="\(path)"/>
            <text x="\(middle)" y="\(text(Self.height - 8))" text-anchor="middle">step</text>
            </svg>

            """
    }

    private func text(_ value: Double) -> String { String(format: "%.1f", value) }

    private func escaped(_ text: String) -> String {
        text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
            .replacingOccurrences(of: ">", with: "&gt;")
    }
}
