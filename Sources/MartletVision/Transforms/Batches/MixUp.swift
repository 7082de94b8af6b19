import MartletData
import MartletTensor

/// Each picture of a batch blended with the one before it, and their labels alike (Zhang and others 2017, "mixup: Beyond
/// empirical risk minimization").
///
/// torchvision's `MixUp`: λ x + (1 - λ) x' with λ of the beta distribution, one for the batch. Labels become probabilities.
public struct MixUp: ImageBatchTransform {
    /// Both shapes of the beta distribution: below 1 mostly one picture shows, above 1 both do.
    public var alpha: Double
    /// Number of classes; may be nil where labels are probabilities already.
    public var numClasses: Int?

    /// With weights of that distribution.
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

    /// The blended batch.
    public func callAsFunction(_ batch: Batch) throws -> Batch {
        var random = MartletData.RandomStream(.current)
        return try mixed(batch, share: random.beta(alpha))
    }

    /// The batch blended so that `share` of each picture is its own.
    public func mixed(_ batch: Batch, share: Double) throws -> Batch {
        guard batch.inputs.dtype.isFloatingPoint else {
            throw DataError(
                dataset: Self.name, field: "inputs", expected: "floats: ToDtype(scale: true) before",
                found: "\(batch.inputs.dtype)")
        }
        let labels = try BatchLabels.probabilities(batch, numClasses, Self.name)
        var result = batch
        result.inputs = batch.inputs.roll(by: 1, axis: 0) * (1 - share) + batch.inputs * share
        result.labels = BatchLabels.mixed(labels, share)
        return result
    }
}
