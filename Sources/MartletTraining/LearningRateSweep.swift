import Foundation

/// What a ``LearningRateFinder`` found: losses by rate.
public struct LearningRateSweep: Sendable, Codable, Equatable {
    /// A step.
    public struct Point: Sendable, Equatable {
        /// The first group's rate.
        public let rate: Double
        /// The batch's loss before the step.
        public let loss: Double
        /// The mean of the losses so far, the latest most.
        public let smoothed: Double
    }

    /// The steps, under growing rates. The last one's loss may be no number, where the sweep ended by it.
    public fileprivate(set) var points: [Point] = []
    /// Whether the loss diverged before the highest rate.
    public fileprivate(set) var hasDiverged = false

    private enum CodingKeys: String, CodingKey {
        case points
        case hasDiverged = "has_diverged"
    }

    /// The points that can be compared: without the ones by which the sweep ended.
    private var finite: [Point] { points.filter(\.smoothed.isFinite) }

    /// The rate of the lowest smoothed loss.
    public var minimum: Double? { finite.min { $0.smoothed < $1.smoothed }?.rate }

    /// A tenth of ``minimum``: the rule of thumb where the curve has no steepest place.
    public var tenthOfMinimum: Double? { minimum.map { $0 / 10 } }

    /// The rate at which the smoothed loss falls the most for a growing rate, by the differences of neighbours; nil where it
    /// never falls. The first tenth of the sweep, of which the mean has seen too little, and what comes after the minimum do
    /// not count.
    public var steepest: Double? {
        let points = finite
        guard let lowest = points.indices.min(by: { points[$0].smoothed < points[$1].smoothed }), lowest > 1 else {
            return nil
        }
        let slopes = (max(1, points.count / 10)..<max(2, lowest)).compactMap { index -> (Double, Double)? in
            guard index + 1 < points.count else { return nil }
            let run = log(points[index + 1].rate / points[index - 1].rate)
            return ((points[index + 1].smoothed - points[index - 1].smoothed) / run, points[index].rate)
        }
        return slopes.min { $0.0 < $1.0 }.flatMap { $0.0 < 0 ? $0.1 : nil }
    }

    /// A rate to begin with: ``steepest``, else ``tenthOfMinimum``.
    public var suggestion: Double? { steepest ?? tenthOfMinimum }

    // MARK: Pictures

    /// The curve in at most 80 columns, and what it suggests.
    public func lines(for terminal: Terminal) -> [String] {
        guard let plot else { return ["no step was taken"] }
        return plot.lines(for: terminal) + [summary]
    }

    /// The curve as a picture that stands alone; nil where no step has a finite loss.
    public var svg: String? { plot?.svg }

    private var summary: String {
        func text(_ rate: Double?) -> String { rate.map { String(format: "%.2e", $0) } ?? "none" }
        let end = points.last.map { hasDiverged ? "diverged at \(text($0.rate))" : "did not diverge" } ?? ""
        return "steepest descent at \(text(steepest)), lowest loss at \(text(minimum)) "
            + "(a tenth of it: \(text(tenthOfMinimum))), \(end)"
    }

    private var plot: CurvePlot? {
        let points = finite
        guard let first = points.first, let last = points.last else { return nil }
        let losses = points.map(\.smoothed)
        let (low, high) = (losses.min() ?? 0, losses.max() ?? 1)
        let names = [("steepest", steepest), ("lowest", minimum)]
        return CurvePlot(
            title: "Learning rate and loss", xLabel: "learning rate",
            points: points.map { ($0.rate, $0.smoothed) },
            marks: names.compactMap { name, rate in
                guard let rate, let point = points.first(where: { $0.rate == rate }) else { return nil }
                return CurvePlot.Mark(x: rate, y: point.smoothed, label: "\(name) \(String(format: "%.2e", rate))")
            },
            x: .logarithmic(first.rate, max(last.rate, first.rate * 10)), y: .linear(low, high, count: 4))
    }
}

extension LearningRateSweep.Point: Codable {
    private enum CodingKeys: String, CodingKey { case rate, loss, smoothed }

    /// Reads a point; `null` stands for a loss that is no number.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        func number(_ key: CodingKeys) throws -> Double {
            try fields.decodeNil(forKey: key) ? .nan : fields.decode(Double.self, forKey: key)
        }
        (rate, loss, smoothed) = (try number(.rate), try number(.loss), try number(.smoothed))
    }

    /// Writes a point; JSON has no word for a loss that is not finite but `null`.
    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        for (key, number) in [(CodingKeys.rate, rate), (.loss, loss), (.smoothed, smoothed)] {
            if number.isFinite { try fields.encode(number, forKey: key) } else { try fields.encodeNil(forKey: key) }
        }
    }
}

/// A sweep in the making.
package struct SweepRecorder {
    package private(set) var sweep = LearningRateSweep()
    private let divergence: Double
    private let smoothing: Double
    private var mean = 0.0
    private var best = Double.infinity

    package init(divergence: Double, smoothing: Double) { (self.divergence, self.smoothing) = (divergence, smoothing) }

    /// Takes in a step.
    package mutating func add(rate: Double, loss: Double) {
        mean = smoothing * mean + (1 - smoothing) * loss
        let smoothed = mean / (1 - pow(smoothing, Double(sweep.points.count + 1)))
        best = min(best, smoothed)
        sweep.points.append(LearningRateSweep.Point(rate: rate, loss: loss, smoothed: smoothed))
        // A loss that is no number is not below the bound either. Below 0 a multiple of the best is no bound.
        sweep.hasDiverged = !smoothed.isFinite || (best > 0 && smoothed > divergence * best)
    }
}
