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

    private let series: [Series]
    private let frame: ChartFrame

    /// A chart of at least one curve with at least one point.
    package init(title: String, xLabel: String, series: [Series]) {
        self.series = series
        let (xs, ys) = (series.flatMap { $0.points.map(\.x) }, series.flatMap { $0.points.map(\.y) })
        let (low, high) = (ys.min() ?? 0, ys.max() ?? 1)
        // Figures that span more than a decade would lie flat on the floor.
        let y: ChartAxis = low > 0 && high > 12 * low ? .logarithmic(low, high) : .linear(min(0, low), high)
        frame = ChartFrame(
            title: title, xLabel: xLabel, x: .whole(Int(xs.min() ?? 0), Int(xs.max() ?? 1)), y: y, width: 680,
            height: 380,
            top: 58)
    }

    // MARK: In the terminal

    private static let rows = 16
    private static let marks: [Character] = ["o", "x", "+", "*", "#", "@", "%", "&"]

    /// The curves' points, a mark for each curve, in at most 80 columns, and the legend.
    package func lines(for terminal: Terminal) -> [String] {
        frame.lines(Self.rows, for: terminal, cells: cells)
            + series.enumerated().map { index, curve in
                "    \(Self.marks[index % Self.marks.count]) \(curve.name.withoutControls)"
            }
    }

    private func cells(_ columns: Int) -> [String] {
        var cells = [[Character]](repeating: [Character](repeating: " ", count: columns), count: Self.rows)
        for (index, curve) in series.enumerated() {
            for point in curve.points {
                let column = Int((frame.x.position(point.x) * Double(columns - 1)).rounded())
                cells[frame.row(of: point.y, among: Self.rows)][column] = Self.marks[index % Self.marks.count]
            }
        }
        return cells.map { String($0) }
    }

    // MARK: As a picture

    /// Colours that are told apart by those who see fewer of them too (Okabe, Ito).
    private static let colors = [
        "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#f0e442",
    ]

    /// A picture that stands alone.
    package var svg: String {
        let curves = series.enumerated().map { index, curve in
            "<path class=\"curve\" stroke=\"\(color(index))\" d=\"\(frame.path(curve.points))\"/>"
        }
        return frame.svg(style: "", curves + legend)
    }

    /// The names in a row above the curves, which they would cover inside.
    private var legend: [String] {
        var place = frame.left
        return series.enumerated().map { index, curve in
            let start = ChartFrame.text(place)
            // A letter is 7 units wide on the average.
            place += 7 * Double(curve.name.count) + 48
            return "<path stroke=\"\(color(index))\" stroke-width=\"3\" d=\"M\(start) 42h22\"/>"
                + "<text x=\"\(start)\" dx=\"28\" y=\"42\" dy=\".35em\">\(curve.name.htmlEscaped)</text>"
        }
    }

    private func color(_ index: Int) -> String { Self.colors[index % Self.colors.count] }
}
