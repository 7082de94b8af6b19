import MartletData
import MartletTensor

/// A rectangle of each picture of a batch replaced by that of the one before it, and labels mixed by area (Yun and others 2019,
/// "CutMix: Regularization strategy to train strong classifiers with localizable features").
///
/// torchvision's `CutMix`. Labels become probabilities.
public struct CutMix: ImageBatchTransform {
    /// Both shapes of the beta distribution of what remains of a picture, before the rectangle is cut off at the border.
    public var alpha: Double
    /// Number of classes; may be nil where labels are probabilities already.
    public var numClasses: Int?

    /// With areas of that distribution.
    public init(alpha: Double = 1, numClasses: Int? = nil) {
        (self.alpha, self.numClasses) = (alpha, numClasses)
        requireSound()
    }

    /// Reads `alpha` and `num_classes`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        alpha = try container.value(.alpha, default: 1)
        numClasses = try container.decodeIfPresent(Int.self, forKey: .numClasses)
        try requireSound(decoder)
    }

    private enum CodingKeys: String, CodingKey {
        case alpha
        case numClasses = "num_classes"
    }

    /// A shape above 0, at least one class.
    public var problem: String? { BatchLabels.problem(alpha, numClasses) }

    /// The batch with rectangles exchanged.
    public func callAsFunction(_ batch: Batch) throws -> Batch {
        let sizes = batch.inputs.shape.sizes
        guard sizes.count == 4, sizes.allSatisfy({ $0 > 0 }) else {
            throw DataError(
                dataset: Self.name, field: "inputs", expected: "[count, channels, height, width]",
                found: "\(batch.inputs.shape)")
        }
        var random = MartletData.RandomStream(.current)
        let share = random.beta(alpha)
        return try mixed(batch, rows: rows(share, sizes[2], &random), columns: rows(share, sizes[3], &random))
    }

    /// A side of the rectangle: `sqrt(1 - share)` of the picture's, around a random middle and cut off at its border.
    private func rows(_ share: Double, _ size: Int, _ random: inout MartletData.RandomStream) -> Range<Int> {
        let (middle, half) = (random.below(size), Int(0.5 * (1 - share).squareRoot() * Double(size)))
        return max(0, middle - half)..<min(size, middle + half)
    }

    /// The batch with those rows and columns of each picture replaced.
    public func mixed(_ batch: Batch, rows: Range<Int>, columns: Range<Int>) throws -> Batch {
        let sizes = batch.inputs.shape.sizes
        guard sizes.count == 4, 0 <= rows.lowerBound, rows.upperBound <= sizes[2], 0 <= columns.lowerBound,
            columns.upperBound <= sizes[3]
        else { ParameterCheck.fail("CutMix: rows \(rows) and columns \(columns) of \(batch.inputs.shape)") }
        let labels = try BatchLabels.probabilities(batch, numClasses, Self.name)
        // A mask and not a slice: a plan is found again whatever the rectangle is.
        var mask = [Bool](repeating: false, count: sizes[2] * sizes[3])
        for row in rows { for column in columns { mask[row * sizes[3] + column] = true } }
        let isReplaced = Tensor(mask, shape: [1, 1, sizes[2], sizes[3]])
        let share = 1 - Double(rows.count * columns.count) / Double(mask.count)
        var result = batch
        result.inputs = `where`(isReplaced, batch.inputs.roll(by: 1, axis: 0), batch.inputs)
        result.labels = BatchLabels.mixed(labels, share)
        return result
    }
}
