import MartletTensor

/// Some samples of a data set, in an order of their own: `Dataset.subset(_:)` and `split` make it.
public struct Subset<Base: Dataset>: Dataset {
    /// The data set behind.
    public let base: Base
    /// The indices in `base`, in the order of this set.
    public let indices: [Int]

    init(_ base: Base, _ indices: [Int]) {
        if let wrong = indices.first(where: { !(0..<base.count).contains($0) }) {
            stop("subset: index \(wrong) is outside the data set's 0..<\(base.count)")
        }
        self.base = base
        self.indices = indices
    }

    /// The number of `indices`.
    public var count: Int { indices.count }
    /// The number of classes of `base`, found in the subset or not.
    public var classCount: Int? { base.classCount }
    /// The class names of `base`.
    public var classNames: [String] { base.classNames }
    /// The sample of `base` at `indices[index]`; throws what reading it throws.
    public subscript(index: Int) -> Sample { get throws { try base[indices[index]] } }
}

extension Subset: RecordDataset where Base: RecordDataset {
    /// The records of `base`, those outside the subset too.
    public var records: Records { base.records }
    /// The position in `base` of the sample at `indices[index]`.
    public func position(of index: Int) -> Int { base.position(of: indices[index]) }
}

extension Subset: BatchReadable {
    var batchReader: BatchReader? { BatchReader(of: base)?.picking { [indices] in indices[$0] } }
}
