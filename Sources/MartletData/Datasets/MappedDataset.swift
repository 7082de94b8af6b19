/// A data set whose samples are changed as they are read: `Dataset.map(_:)` makes it.
public struct MappedDataset<Base: Dataset>: Dataset {
    /// The data set behind.
    public let base: Base
    private let transform: @Sendable (Sample) throws -> Sample
    /// The same change made to a whole batch, where there is one.
    private let elementwise: (any ElementwiseTransform)?

    init(
        _ base: Base, elementwise: (any ElementwiseTransform)? = nil,
        _ transform: @escaping @Sendable (Sample) throws -> Sample
    ) {
        self.base = base
        self.elementwise = elementwise
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

extension MappedDataset: BatchReadable {
    var batchReader: BatchReader? {
        guard let elementwise else { return nil }
        return BatchReader(of: base)?.transformed(by: elementwise)
    }
}
