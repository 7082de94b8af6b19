/// A data set whose samples are changed as they are read: `Dataset.map(_:)` makes it.
public struct MappedDataset<Base: Dataset>: Dataset {
    /// The data set behind.
    public let base: Base
    private let transform: @Sendable (Sample) throws -> Sample

    init(_ base: Base, _ transform: @escaping @Sendable (Sample) throws -> Sample) {
        self.base = base
        self.transform = transform
    }

    /// The number of samples of `base`.
    public var count: Int { base.count }
    /// The number of classes of `base`.
    public var classCount: Int? { base.classCount }
    /// The class names of `base`.
    public var classNames: [String] { base.classNames }
    /// The sample of `base` at the index, changed; throws what reading or changing it throws.
    public subscript(index: Int) -> Sample { get throws { try transform(try base[index]) } }
}
