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
