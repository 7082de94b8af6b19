import Foundation

/// Several curves in one picture, with a legend: in characters, and as an SVG that stands alone.
package struct CurveChart {
    /// A curve.
    package struct Series {
        let name: String
        /// In the order of x.
        let points: [(x: Double, y: Double)]

        package init(name: String, points: [(x: Double, y: Double)]) { (self.name, self.points) = (name, points) }
    }

    private let title: String, xLabel: String
    private let series: [Series]
    private let x: ChartAxis, y: ChartAxis

    /// A chart of at least one curve with at least one point.
    package init(title: String, xLabel: String, series: [Series]) {
        (self.title, self.xLabel, self.series) = (title, xLabel, series)
        let (xs, ys) = (series.flatMap { $0.points.map(\.x) }, series.flatMap { $0.points.map(\.y) })
        x = .whole(Int(xs.min() ?? 0), Int(xs.max() ?? 1))
        let (low, high) = (ys.min() ?? 0, ys.max() ?? 1)
        // Figures that span more than a decade would lie flat on the floor.
        y = low > 0 && high > 12 * low ? .logarithmic(low, high) : .linear(min(0, low), high)
    }

    // MARK: In the terminal

    private static let rows = 16
    private static let marks: [Character] = ["o", "x", "+", "*", "#", "@", "%", "&"]

    /// The curves' points, a mark for each curve, in at most 80 columns, and the legend.
    package func lines(for terminal: Terminal) -> [String] {
        let labels = labelled(Self.rows)
        let margin = labels.map(\.count).max() ?? 0
        let columns = max(8, min(terminal.width(), Terminal.usualWidth) - margin - 3)
        var cells = [[Character]](repeating: [Character](repeating: " ", count: columns), count: Self.rows)
        for (index, curve) in series.enumerated() {
            for point in curve.points {
                let column = Int((x.position(point.x) * Double(columns - 1)).rounded())
                cells[row(of: point.y, among: Self.rows)][column] = Self.marks[index % Self.marks.count]
            }
        }
        let bar = terminal.isUnicode ? ("┤", "│", "└", "─") : ("+", "|", "+", "-")
        var lines = [title.withoutControls]
        lines += zip(labels, cells).map { label, cells in
            label.rightAligned(to: margin) + " " + (label.isEmpty ? bar.1 : bar.0) + String(cells)
        }
        let indent = String(repeating: " ", count: margin + 1)
        lines.append(indent + bar.2 + String(repeating: bar.3, count: columns))
        let end = text(x.ticks.last ?? 1)
        lines.append(
            indent + " " + text(x.ticks.first ?? 0) + end.rightAligned(to: columns - text(x.ticks.first ?? 0).count))
        return lines
            + series.enumerated().map { index, curve in
                "\(indent) \(Self.marks[index % Self.marks.count]) \(curve.name.withoutControls)"
            }
    }

    private func labelled(_ rows: Int) -> [String] {
        var labels = [String](repeating: "", count: rows)
        for tick in y.ticks { labels[row(of: tick, among: rows)] = text(tick) }
        return labels
    }

    private func row(of value: Double, among rows: Int) -> Int {
        min(rows - 1, max(0, Int(((1 - y.position(value)) * Double(rows)).rounded(.down))))
    }

    private func text(_ value: Double) -> String { String(format: "%.4g", value) }

    // MARK: As a picture

    private static let (width, height) = (680.0, 380.0)
    private static let (left, right, top, bottom) = (66.0, 20.0, 58.0, 46.0)
    /// Colours that are told apart by those who see fewer of them too (Okabe, Ito).
    private static let colors = [
        "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#f0e442",
    ]

    /// A picture that stands alone.
    package var svg: String {
        """
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Int(Self.width)) \(Int(Self.height))" role="img">
        <style>text{font:12px sans-serif;fill:#555}.title{font-size:14px;fill:#222}.grid{stroke:#ddd;fill:none}\
        .curve{stroke-width:2;fill:none;stroke-linejoin:round}</style>
        <rect width="100%" height="100%" fill="#fff"/>
        <text class="title" x="\(number(Self.left))" y="22">\(escaped(title))</text>
        \((grid + curves + legend).joined(separator: "\n"))
        <text x="\(number((Self.left + Self.width - Self.right) / 2))" y="\(number(Self.height - 8))" \
        text-anchor="middle">\(escaped(xLabel))</text>
        </svg>

        """
    }

    private var grid: [String] {
        y.ticks.map { tick in
            "<path class=\"grid\" d=\"M\(number(Self.left)) \(up(tick))H\(number(Self.width - Self.right))\"/>"
                + "<text x=\"\(number(Self.left - 8))\" y=\"\(up(tick))\" dy=\".35em\" text-anchor=\"end\">\(text(tick))</text>"
        }
            + x.ticks.map { tick in
                "<text x=\"\(across(tick))\" y=\"\(number(Self.height - Self.bottom + 18))\" text-anchor=\"middle\">"
                    + "\(text(tick))</text>"
            }
    }

    private var curves: [String] {
        series.enumerated().map { index, curve in
            let path = curve.points.enumerated().map {
                "\($0.offset == 0 ? "M" : "L")\(across($0.element.x)) \(up($0.element.y))"
            }
            return "<path class=\"curve\" stroke=\"\(color(index))\" d=\"\(path.joined())\"/>"
        }
    }

    /// The names in a row above the curves, which they would cover inside.
    private var legend: [String] {
        var place = Self.left
        return series.enumerated().map { index, curve in
            let start = number(place)
            // A letter is 7 units wide on the average.
            place += 7 * Double(curve.name.count) + 48
            return "<path stroke=\"\(color(index))\" stroke-width=\"3\" d=\"M\(start) 42h22\"/>"
                + "<text x=\"\(start)\" dx=\"28\" y=\"42\" dy=\".35em\">\(escaped(curve.name))</text>"
        }
    }

    private func color(_ index: Int) -> String { Self.colors[index % Self.colors.count] }

    private func across(_ value: Double) -> String {
        number(Self.left + x.position(value) * (Self.width - Self.left - Self.right))
    }

    private func up(_ value: Double) -> String {
        number(Self.height - Self.bottom - y.position(value) * (Self.height - Self.top - Self.bottom))
    }

    private func number(_ value: Double) -> String { String(format: "%.1f", value) }

    private func escaped(_ text: String) -> String { text.htmlEscaped }
}
