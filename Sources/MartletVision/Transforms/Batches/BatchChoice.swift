import MartletData

/// One of several batch transforms, each as probable: torchvision's `RandomChoice` of ``MixUp`` and ``CutMix``.
public struct BatchChoice: ImageBatchTransform {
    /// What is chosen from.
    public var transforms: [any ImageBatchTransform]

    /// Out of those.
    public init(_ transforms: [any ImageBatchTransform]) {
        self.transforms = transforms
        requireSound()
    }

    /// Reads `transforms`, which must be there.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        transforms = try container.required(.transforms, as: BatchList.self).transforms
        try requireSound(decoder)
    }

    /// Writes `transforms`.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(BatchList(transforms: transforms), forKey: .transforms)
    }

    private enum CodingKeys: CodingKey { case transforms }

    /// At least one.
    public var problem: String? { transforms.isEmpty ? "transforms has at least one" : nil }

    /// True where the transforms are the same.
    public static func == (left: BatchChoice, right: BatchChoice) -> Bool {
        BatchList(transforms: left.transforms) == BatchList(transforms: right.transforms)
    }

    /// The batch after one of the transforms.
    public func callAsFunction(_ batch: Batch) throws -> Batch {
        var random = RandomStream(.current)
        return try transforms[random.below(transforms.count)](batch)
    }
}
