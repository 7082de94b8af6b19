import MartletData

/// Batch transforms one after the other; coded as a list, as ``Compose`` is.
///
///     - BatchChoice: {transforms: [{MixUp: {num_classes: 10}}, {CutMix: {num_classes: 10}}]}
public struct BatchCompose: ImageBatchTransform {
    /// The transforms, in order.
    public var transforms: [any ImageBatchTransform]

    /// Transforms, in order.
    public init(_ transforms: [any ImageBatchTransform]) { self.transforms = transforms }

    /// Reads a list; an unknown name is an error that names the nearest known one.
    public init(from decoder: any Decoder) throws { transforms = try BatchList(from: decoder).transforms }

    /// Writes a list.
    public func encode(to encoder: any Encoder) throws { try BatchList(transforms: transforms).encode(to: encoder) }

    /// The names that a recipe may use, in alphabetical order.
    public static var knownNames: [String] { BatchCatalog.types.keys.sorted() }

    /// True where the transforms are the same.
    public static func == (left: BatchCompose, right: BatchCompose) -> Bool {
        BatchList(transforms: left.transforms) == BatchList(transforms: right.transforms)
    }

    /// The batch after all transforms.
    public func callAsFunction(_ batch: Batch) throws -> Batch {
        try transforms.reduce(batch) { try $1($0) }
    }
}

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

/// Batch transforms as a recipe lists them.
struct BatchList: Codable, Equatable {
    let transforms: [any ImageBatchTransform]

    init(transforms: [any ImageBatchTransform]) { self.transforms = transforms }

    init(from decoder: any Decoder) throws {
        var container = try decoder.unkeyedContainer()
        var transforms: [any ImageBatchTransform] = []
        while !container.isAtEnd { transforms.append(try container.decode(Element.self).transform) }
        self.transforms = transforms
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.unkeyedContainer()
        for transform in transforms { try container.encode(Element(transform: transform)) }
    }

    static func == (left: BatchList, right: BatchList) -> Bool {
        left.transforms.count == right.transforms.count
            && zip(left.transforms, right.transforms).allSatisfy { $0.isEqual($1) }
    }

    private struct Element: Codable {
        let transform: any ImageBatchTransform

        init(transform: any ImageBatchTransform) { self.transform = transform }

        init(from decoder: any Decoder) throws {
            transform = try NamedElement.decode(decoder) { name in
                guard let type = BatchCatalog.types[name] else { throw decoder.corrupted(BatchCatalog.unknown(name)) }
                return type
            }
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: NamedElement.Name.self)
            try container.encode(transform, forKey: NamedElement.Name(type(of: transform).name))
        }
    }
}
