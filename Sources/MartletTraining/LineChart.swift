import Foundation

/// Curves over epochs as an inline SVG that answers the pointer by style rules alone.
struct LineChart {
    struct Point: Equatable {
        let x: Int
        let y: Double
    }

    struct Series {
        let name: String
        let points: [Point]
    }

    /// Which point of the last series, the held-out one, is marked.
    enum Best { case lowest, highest }

    let title: String
    let series: [Series]
    let best: Best
    /// Whether the values are fractions that end at 1.
    let isShare: Bool
    let format: (Double) -> String

    private static let (width, height) = (540.0, 310.0)
    private static let (left, right, top, bottom) = (54.0, 16.0, 14.0, 44.0)
    /// Beyond this many epochs the points are too close to point at.
    private static let mostBands = 400

    private var xAxis: ChartAxis {
        let all = series.flatMap { $0.points.map(\.x) }
        return .whole(all.min() ?? 0, all.max() ?? 1)
    }

    private var yAxis: ChartAxis {
        let all = series.flatMap { $0.points.map(\.y) }
        let (low, high) = (all.min() ?? 0, all.max() ?? 1)
        if isShare { return .linear(low, 1, atMost: 1) }
        // Scores gather at their top, far from 0.
        if best == .highest { return .linear(low, high) }
        // Losses that fall by more than a decade would leave the later epochs flat on the floor.
        return low > 0 && high > 12 * low ? .logarithmic(low, high) : .linear(min(0, low), high)
    }

    /// The chart with its title and legend.
    var figure: String {
        let (x, y) = (xAxis, yAxis)
        let legend = series.map {
            "<li class=\"\($0.name)\"><svg viewBox=\"0 0 22 8\" aria-hidden=\"true\"><path d=\"M1 4H21\"/></svg>"
                + "\($0.name) <b>\(format($0.points[$0.points.count - 1].y))</b></li>"
        }
        return """
            <figure class="chart">
            <figcaption><h3>\(title)\(y.isLogarithmic ? " <small>log scale</small>" : "")</h3>\
            <ul class="legend">\(legend.joined())</ul></figcaption>
            <svg viewBox="0 0 \(Int(Self.width)) \(Int(Self.height))" role="img" aria-label="\(spoken)">
            \(grid(x, y))
            \(series.map { curve($0, x, y) }.joined(separator: "\n"))
            \(mark(x, y))
            \(bands(x, y))
            </svg>
            </figure>
            """
    }

    /// What a screen reader says.
    private var spoken: String {
        let ends = series.map { each in
            "\(each.name) from \(format(each.points[0].y)) to \(format(each.points[each.points.count - 1].y))"
        }
        return "\(title) over epochs: \(ends.joined(separator: ", "))"
    }

    private func grid(_ x: ChartAxis, _ y: ChartAxis) -> String {
        let tickStep = y.ticks.count > 1 ? y.ticks[1] - y.ticks[0] : 1
        var parts: [String] = []
        for tick in y.ticks {
            let at = text(vertical(tick, y))
            parts.append("<path class=\"grid\" d=\"M\(text(Self.left)) \(at)H\(text(Self.width - Self.right))\"/>")
            parts.append(
                "<text class=\"tick\" x=\"\(text(Self.left - 9))\" y=\"\(at)\" dy=\".35em\" text-anchor=\"end\">"
                    + tickText(tick, step: y.isLogarithmic ? tick : tickStep) + "</text>")
        }
        for tick in x.ticks {
            parts.append(
                "<text class=\"tick\" x=\"\(text(horizontal(tick, x)))\" y=\"\(text(Self.height - Self.bottom + 21))\" "
                    + "text-anchor=\"middle\">\(Int(tick))</text>")
        }
        let middle = text((Self.left + Self.width - Self.right) / 2)
        parts.append("<text x=\"\(middle)\" y=\"\(text(Self.height - 3))\" text-anchor=\"middle\">epoch</text>")
        return parts.joined(separator: "\n")
    }

    private func curve(_ series: Series, _ x: ChartAxis, _ y: ChartAxis) -> String {
        let points = series.points.map { "\(text(horizontal(Double($0.x), x))) \(text(vertical($0.y, y)))" }
        // A single epoch has no line; a point shows it.
        if points.count == 1 {
            let parts = points[0].split(separator: " ")
            return "<circle class=\"dot \(series.name)\" cx=\"\(parts[0])\" cy=\"\(parts[1])\" r=\"4\"/>"
        }
        return "<path class=\"curve \(series.name)\" d=\"M\(points.joined(separator: "L"))\"/>"
    }

    /// A ring around the best point of the last series.
    private func mark(_ x: ChartAxis, _ y: ChartAxis) -> String {
        guard let last = series.last, last.points.count > 1 else { return "" }
        let point = best == .lowest ? last.points.min { $0.y < $1.y } : last.points.max { $0.y < $1.y }
        guard let point else { return "" }
        return "<circle class=\"best \(last.name)\" cx=\"\(text(horizontal(Double(point.x), x)))\" "
            + "cy=\"\(text(vertical(point.y, y)))\" r=\"5\"><title>best \(last.name), epoch \(point.x): "
            + "\(format(point.y))</title></circle>"
    }

    /// An invisible strip for each epoch, which shows its values while the pointer is over it.
    private func bands(_ x: ChartAxis, _ y: ChartAxis) -> String {
        let epochs = Set(series.flatMap { $0.points.map(\.x) }).sorted()
        guard epochs.count <= Self.mostBands else { return "" }
        let room = Self.width - Self.left - Self.right
        let half = max(2, room / Double(max(1, Int(x.high - x.low))) / 2)
        return epochs.map { epoch in
            let center = horizontal(Double(epoch), x)
            let found = series.compactMap { each in each.points.first { $0.x == epoch }.map { (each.name, $0) } }
            let dots = found.map { name, point in
                "<circle class=\"dot \(name)\" cx=\"\(text(center))\" cy=\"\(text(vertical(point.y, y)))\" r=\"4\"/>"
            }
            let (boxWidth, boxHeight) = (132.0, 26 + 18 * Double(found.count))
            let boxX = center + boxWidth + 12 > Self.width ? center - boxWidth - 10 : center + 10
            // Accuracies gather at the top, losses at the bottom: the box keeps away.
            let boxY = best == .highest ? Self.height - Self.bottom - boxHeight - 10 : Self.top
            let lines = found.enumerated().map { index, entry in
                "<text x=\"\(text(boxX + 10))\" y=\"\(text(boxY + 37 + 18 * Double(index)))\">\(entry.0) "
                    + "<tspan class=\"value\">\(format(entry.1.y))</tspan></text>"
            }
            return "<g class=\"band\"><rect x=\"\(text(center - half))\" y=\"\(text(Self.top))\" "
                + "width=\"\(text(2 * half))\" height=\"\(text(Self.height - Self.top - Self.bottom))\"/><g class=\"tip\">"
                + "<path d=\"M\(text(center)) \(text(Self.top))V\(text(Self.height - Self.bottom))\"/>\(dots.joined())"
                + "<rect class=\"box\" x=\"\(text(boxX))\" y=\"\(text(boxY))\" width=\"\(text(boxWidth))\" "
                + "height=\"\(text(boxHeight))\" rx=\"5\"/><text class=\"title\" x=\"\(text(boxX + 10))\" "
                + "y=\"\(text(boxY + 19))\">epoch \(epoch)</text>\(lines.joined())</g></g>"
        }.joined(separator: "\n")
    }

    private func horizontal(_ value: Double, _ axis: ChartAxis) -> Double {
        Self.left + axis.position(value) * (Self.width - Self.left - Self.right)
    }

    private func vertical(_ value: Double, _ axis: ChartAxis) -> Double {
        Self.height - Self.bottom - axis.position(value) * (Self.height - Self.top - Self.bottom)
    }

    /// A tick with as many decimals as its step needs.
    private func tickText(_ value: Double, step: Double) -> String {
        let scale = isShare ? 100.0 : 1
        let decimals = max(0, Int((-log10(step * scale) - 1e-9).rounded(.up)))
        return NumberText.fixed(value * scale, decimals: min(decimals, 8)) + (isShare ? "%" : "")
    }

    private func text(_ value: Double) -> String {
        let tenths = (value * 10).rounded() / 10
        return tenths == tenths.rounded() ? String(Int(tenths)) : String(tenths)
    }
}
