/// A data set whose samples are changed as they are read: `Dataset.map(_:)` makes it.
public struct MappedDataset<Base: Dataset>: Dataset {
    /// The data set behind.
    public let base: Base
    private let transform: @Sendable (Sample) throws -> Sample

    init(_ base: Base, _ transform: @escaping @Sendable (Sample) throws -> Sample) {
        self.base = base
        self.transform = transform
    }

    public var count: Int { base.count }
    public var classCount: Int? { base.classCount }
    public var classNames: [String] { base.classNames }
    public subscript(index: Int) -> Sample { get throws { try transform(try base[index]) } }
}
