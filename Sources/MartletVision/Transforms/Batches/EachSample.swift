import MartletData

/// Changes of single pictures, applied to a batch with random parameters of each picture's own.
public struct EachSample: ImageBatchTransform {
    /// What each picture goes through.
    public var transform: Compose

    /// The transforms, in order.
    public init(_ transforms: [any ImageTransform]) { transform = Compose(transforms) }

    /// Reads `transforms`, which must be there.
    public init(from decoder: any Decoder) throws {
        transform = try decoder.container(keyedBy: CodingKeys.self).required(.transforms)
    }

    /// Writes `transforms`.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(transform, forKey: .transforms)
    }

    private enum CodingKeys: CodingKey { case transforms }

    /// The batch of changed pictures.
    ///
    /// - Throws: `DataError` where pictures come out in different sizes.
    public func callAsFunction(_ batch: Batch) throws -> Batch {
        let images = try PlanarImage(batch.inputs)
        guard images.batch != nil else {
            throw DataError(
                dataset: Self.name, field: "inputs", expected: "[count, channels, height, width]",
                found: "\(batch.inputs.shape)")
        }
        var random = RandomStream(.current)
        let changed = try (0..<images.count).map { index in
            try transform(AnnotatedImage(images[picture: index]), using: &random).image
        }
        let first = changed[0]
        for (place, image) in changed.enumerated()
        where image.size != first.size || image.channels != first.channels || image.isFloat != first.isFloat
            || image.batch != nil
        {
            throw DataError(
                dataset: Self.name, field: "inputs", index: batch.indices[place],
                expected: "\(first.channels) channels of \(first.size), as the batch's first picture has",
                found: "\(image.channels) of \(image.size)")
        }
        var result = batch
        result.inputs = PlanarImage(batch: changed).tensor
        return result
    }
}
