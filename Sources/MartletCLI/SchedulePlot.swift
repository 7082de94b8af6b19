import Foundation
import Martlet

/// A schedule's curve, in characters and as SVG.
struct SchedulePlot {
    private let title: String
    /// The steps drawn, in order: all of them, or as many as a picture can show, the last among them.
    let points: [(step: Int, value: Double)]
    private let lastStep: Int
    private static let mostPoints = 2000

    init(_ schedule: any Schedule, steps: Int, title: String) {
        self.title = title
        lastStep = steps - 1
        let count = min(steps, Self.mostPoints)
        points = (0..<count).map { index in
            let step = count == 1 ? 0 : Int((Double(index) * Double(steps - 1) / Double(count - 1)).rounded())
            return (step, schedule(step))
        }
    }

    private var finite: [Double] { points.map(\.value).filter(ChartAxis.canShow) }

    private var plot: CurvePlot {
        CurvePlot(
            title: title, xLabel: "step", points: points.map { (x: Double($0.step), y: $0.value) },
            x: .whole(0, max(1, lastStep)), y: .linear(min(0, finite.min() ?? 0), finite.max() ?? 1, count: 4),
            xText: { NumberText.grouped(Int($0)) })
    }

    /// The curve with its axes, at most 80 columns wide, and its numbers.
    func lines(for terminal: Terminal) -> [String] {
        func label(_ value: Double) -> String { String(format: "%.4g", value) }
        let (first, last) = (label(points[0].value), label(points[points.count - 1].value))
        return plot.lines(for: terminal) + [
            "\(title.withoutControls): \(first) at step 0, \(last) at step \(NumberText.grouped(lastStep)), "
                + "from \(label(finite.min() ?? .nan)) to \(label(finite.max() ?? .nan))"
        ]
    }

    /// A picture that stands alone.
    var svg: String { plot.svg }
}
