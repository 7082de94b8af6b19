import MartletTensor

/// Mean 0 and variance 1: y = (x − mean) / deviation.
///
/// Mean and variance are taken in one reading of the data: of each block of samples by two passes over it (Welford's way, in the
/// corrected form of Chan, Golub, LeVeque 1983), then merged with those of the blocks before (Chan's formula). The variance is
/// the data's own, Σ(x − mean)² / n.
///
/// Source: the formulas and the treatment of constant features are those of scikit-learn's StandardScaler.
public struct StandardScaler: Scaler {
    /// The name in saved form.
    public static let kind = "standard"
    /// Which numbers are scaled alike.
    public let per: ScalerGrouping
    /// Which part of a sample is learnt from and scaled.
    public let part: SamplePart
    /// What was learnt; nil before.
    public let fit: ScalerFit?

    /// A scaler that has learnt nothing yet.
    public init(per: ScalerGrouping = .feature, of part: SamplePart = .inputs) {
        self.init(per: per, part: part, fit: nil)
    }

    private init(per: ScalerGrouping, part: SamplePart, fit: ScalerFit?) {
        (self.per, self.part, self.fit) = (per, part, fit)
    }

    /// The mean of each group; nil before `fitted(to:)`.
    public var mean: [Double]? { fit?.offset }
    /// The standard deviation of each group, 1 where it is 0; nil before `fitted(to:)`.
    public var deviation: [Double]? { fit?.scale }

    /// The scaler with the means and deviations of `dataset`.
    public func learning(from dataset: some Dataset) throws -> Self {
        var moments = Moments()
        try NumberStream(dataset, part, per: per).forEachBlock { moments.add($0) }
        return StandardScaler(
            per: per, part: part,
            fit: ScalerFit(shape: moments.shape, offset: moments.mean, scale: moments.deviations))
    }
}

/// Count, mean and sum of squared differences of each group's numbers.
struct Moments {
    private(set) var shape: Shape = []
    private(set) var mean: [Double] = []
    private var count: [Double] = []
    private var squares: [Double] = []

    /// Takes in a block: its own moments first, then merged with those so far.
    mutating func add(_ block: NumberBlock) {
        let groups = block.map.shape.elementCount
        if count.isEmpty {
            shape = block.map.shape
            (count, mean, squares) = (zeros(groups), zeros(groups), zeros(groups))
        }
        var scratch = zeros(4 * groups)
        scratch.withUnsafeMutableBufferPointer { own in
            let (means, differences, distances) = (groups, 2 * groups, 3 * groups)
            block.visit { number, group in
                own[group] += 1
                own[means + group] += number
            }
            for group in 0..<groups { own[means + group] /= max(1, own[group]) }
            // The differences would add up to 0 but for the mean's rounding, which they correct.
            block.visit { number, group in
                let difference = number - own[means + group]
                own[differences + group] += difference
                own[distances + group] += difference * difference
            }
            for group in 0..<groups where own[group] > 0 {
                let correction = own[differences + group] / own[group]
                merge(
                    group, count: own[group], mean: own[means + group] + correction,
                    squares: own[distances + group] - own[differences + group] * correction)
            }
        }
    }

    private mutating func merge(_ group: Int, count added: Double, mean other: Double, squares more: Double) {
        let total = count[group] + added
        let distance = other - mean[group]
        mean[group] += distance * (added / total)
        squares[group] += more + distance * distance * (count[group] * added / total)
        count[group] = total
    }

    /// √(Σ(x − mean)² / n) by group; 1 where that is no more than rounding makes of equal numbers.
    var deviations: [Double] {
        count.indices.map { group in
            guard count[group] > 0 else { return 1 }
            let variance = squares[group] / count[group]
            let slip = count[group] * mean[group] * Double.ulpOfOne
            let bound = count[group] * Double.ulpOfOne * variance + slip * slip
            return variance <= bound ? 1 : variance.squareRoot()
        }
    }

    private func zeros(_ count: Int) -> [Double] { [Double](repeating: 0, count: count) }
}
