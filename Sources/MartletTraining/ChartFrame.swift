import Foundation

/// What stands around the curves of a picture: title, axes and their numbers, in characters and as SVG.
struct ChartFrame {
    let title: String
    let xLabel: String
    let x: ChartAxis
    let y: ChartAxis
    /// The picture's size.
    var width = 640.0, height = 360.0
    /// What is left free above the curves.
    var top = 36.0
    /// A number of the horizontal axis as it is written.
    var xText: @Sendable (Double) -> String = ChartFrame.label

    private static let (left, right, bottom) = (64.0, 20.0, 44.0)

    /// A number with four digits.
    static let label: @Sendable (Double) -> String = { String(format: "%.4g", $0) }

    // MARK: In the terminal

    /// The lines of a picture of so many rows, at most 80 columns wide.
    ///
    /// - Parameter cells: what stands inside the axes, for the columns there are.
    func lines(_ rows: Int, for terminal: Terminal, cells: (_ columns: Int) -> [String]) -> [String] {
        var labels = [String](repeating: "", count: rows)
        for tick in y.ticks { labels[row(of: tick, among: rows)] = Self.label(tick) }
        let labelWidth = labels.map(\.columns).max() ?? 0
        let columns = max(8, min(terminal.width(), Terminal.usualWidth) - labelWidth - 3)
        let bar = terminal.isUnicode ? ("┤", "│", "└", "─") : ("+", "|", "+", "-")
        let margin = String(repeating: " ", count: labelWidth + 1)
        let inside = zip(labels, cells(columns)).map { label, cells in
            label.rightAligned(to: labelWidth) + " " + (label.isEmpty ? bar.1 : bar.0) + cells
        }
        return [margin + " " + title.withoutControls] + inside
            + [margin + bar.2 + String(repeating: bar.3, count: columns), margin + " " + ticks(columns)]
    }

    /// The axis' numbers, each where it belongs as far as they do not touch.
    private func ticks(_ columns: Int) -> String {
        var line = ""
        for tick in x.ticks {
            let text = xText(tick)
            let place = Int((x.position(tick) * Double(columns - 1)).rounded()) - text.count / 2
            let start = min(columns - text.count, max(0, place))
            guard line.isEmpty || start > line.count else { continue }
            line += String(repeating: " ", count: max(0, start - line.count)) + text
        }
        return line
    }

    /// The row of a value, counted from the top.
    func row(of value: Double, among rows: Int) -> Int {
        min(rows - 1, max(0, Int(((1 - y.position(value)) * Double(rows)).rounded(.down))))
    }

    // MARK: As a picture

    /// Where the curves begin on the left.
    var left: Double { Self.left }

    /// A picture that stands alone.
    ///
    /// - Parameters:
    ///   - style: rules for what is inside.
    ///   - parts: what stands inside the axes.
    func svg(style: String, _ parts: [String]) -> String {
        let middle = Self.text((Self.left + width - Self.right) / 2)
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Int(width)) \(Int(height))" role="img">
            <style>text{font:12px sans-serif;fill:#555}.title{font-size:14px;fill:#222}.grid{stroke:#ddd;fill:none}\
            .curve{stroke-width:2;fill:none;stroke-linejoin:round}\(style)</style>
            <rect width="100%" height="100%" fill="#fff"/>
            <text class="title" x="\(Self.text(Self.left))" y="22">\(title.htmlEscaped)</text>
            \((rules + parts).joined(separator: "\n"))
            <text x="\(middle)" y="\(Self.text(height - 8))" text-anchor="middle">\(xLabel.htmlEscaped)</text>
            </svg>

            """
    }

    private var rules: [String] {
        let (left, end) = (Self.text(Self.left), Self.text(width - Self.right))
        return y.ticks.map { tick in
            "<path class=\"grid\" d=\"M\(left) \(up(tick))H\(end)\"/><text x=\"\(Self.text(Self.left - 8))\" "
                + "y=\"\(up(tick))\" dy=\".35em\" text-anchor=\"end\">\(Self.label(tick))</text>"
        }
            + x.ticks.map { tick in
                "<text x=\"\(across(tick))\" y=\"\(Self.text(height - Self.bottom + 20))\" text-anchor=\"middle\">"
                    + "\(xText(tick).htmlEscaped)</text>"
            }
    }

    /// The path of a curve, with a gap where a number is none.
    func path(_ points: [(x: Double, y: Double)]) -> String {
        var (path, isDown) = ("", false)
        for point in points {
            let isDrawn = ChartAxis.canShow(point.y)
            if isDrawn { path += "\(isDown ? "L" : "M")\(across(point.x)) \(up(point.y))" }
            isDown = isDrawn
        }
        return path
    }

    /// The horizontal place of a value.
    func across(_ value: Double) -> String {
        Self.text(Self.left + x.position(value) * (width - Self.left - Self.right))
    }

    /// The vertical place of a value.
    func up(_ value: Double) -> String {
        Self.text(height - Self.bottom - y.position(value) * (height - top - Self.bottom))
    }

    /// A place as SVG has it.
    static func text(_ value: Double) -> String { String(format: "%.1f", value) }
}
