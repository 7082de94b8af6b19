import Foundation
import MartletData

/// Chooses where good trials lie dense and bad ones do not: the tree-structured Parzen estimator, a setting at a time.
///
///     l(x) of the best γ·n trials, g(x) of the others;  the next x has the largest l(x) / g(x) of 24 draws from l
///
/// A range's density is a mixture of normal distributions about the trials, cut at the ends, each as wide as the way to its
/// neighbours; a wide one in the middle stands for what was known before. A choice's is its count and one.
///
/// Source: J. Bergstra et al., "Algorithms for hyper-parameter optimization" (2011), in the form of Optuna's TPESampler.
struct TreeParzen {
    let space: SearchSpace
    /// Trials that are drawn anywhere, before there is anything to learn from.
    static let firstTrials = 10
    private static let candidates = 24

    /// A trial that is over: its point and its figure, lower is better.
    struct Seen {
        let point: [Double]
        let figure: Double
    }

    /// The next point.
    func next(after seen: [Seen], _ random: inout RandomStream) -> [Double] {
        guard seen.count >= Self.firstTrials else { return space.dimensions.map { _ in random.unit53() } }
        let order = seen.sorted {
            ($0.figure.isNaN ? .infinity : $0.figure) < ($1.figure.isNaN ? .infinity : $1.figure)
        }
        let best = min(25, Int((0.1 * Double(seen.count)).rounded(.up)))
        return space.dimensions.enumerated().map { index, dimension in
            let good = order.prefix(best).map { $0.point[index] }
            let bad = order.dropFirst(best).map { $0.point[index] }
            if let count = dimension.choiceCount { return Self.choice(good, bad, count, &random) }
            let (dense, rest) = (ParzenMixture(good), ParzenMixture(bad))
            let drawn = (0..<Self.candidates).map { _ in dense.draw(&random) }
            return drawn.max { dense.logDensity($0) - rest.logDensity($0) < dense.logDensity($1) - rest.logDensity($1) }
                ?? random.unit53()
        }
    }

    private static func choice(_ good: [Double], _ bad: [Double], _ count: Int, _ random: inout RandomStream) -> Double
    {
        func weights(_ places: [Double]) -> [Double] {
            var weights = [Double](repeating: 1, count: count)
            for place in places { weights[min(count - 1, Int(place * Double(count)))] += 1 }
            let sum = weights.reduce(0, +)
            return weights.map { $0 / sum }
        }
        let (dense, rest) = (weights(good), weights(bad))
        let drawn = (0..<candidates).map { _ in random.index(weights: dense) }
        let best = drawn.max { dense[$0] / rest[$0] < dense[$1] / rest[$1] } ?? 0
        return (Double(best) + 0.5) / Double(count)
    }
}

/// Normal distributions about points from 0 to 1, cut at both ends, with equal weights.
private struct ParzenMixture {
    private let centers: [Double]
    private let widths: [Double]

    init(_ points: [Double]) {
        // The prior: as wide as the range, about its middle.
        let sorted = (points + [0.5]).sorted()
        centers = sorted
        let narrowest = 1 / min(100, Double(sorted.count) + 1)
        var isPriorSeen = false
        widths = sorted.indices.map { index in
            if sorted[index] == 0.5, !isPriorSeen {
                isPriorSeen = true
                return 1
            }
            let below = sorted[index] - (index > 0 ? sorted[index - 1] : 0)
            let above = (index + 1 < sorted.count ? sorted[index + 1] : 1) - sorted[index]
            return min(1, max(narrowest, max(below, above)))
        }
    }

    func draw(_ random: inout RandomStream) -> Double {
        let index = random.below(centers.count)
        while true {
            let value = centers[index] + widths[index] * random.standardNormal()
            if (0..<1).contains(value) { return value }
        }
    }

    func logDensity(_ x: Double) -> Double {
        let sum = zip(centers, widths).reduce(0.0) { sum, part in
            let (center, width) = part
            let inside = Self.share(below: (1 - center) / width) - Self.share(below: -center / width)
            return sum + exp(-0.5 * pow((x - center) / width, 2)) / (width * max(1e-12, inside))
        }
        return log(max(1e-300, sum / Double(centers.count)))
    }

    private static func share(below x: Double) -> Double { 0.5 * (1 + erf(x / 2.0.squareRoot())) }
}

extension RandomStream {
    /// An index, each as probable as its weight; the weights add up to 1.
    mutating func index(weights: [Double]) -> Int {
        var rest = unit53()
        for (index, weight) in weights.enumerated() {
            rest -= weight
            if rest < 0 { return index }
        }
        return weights.count - 1
    }
}
