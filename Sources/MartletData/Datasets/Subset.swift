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

    public var count: Int { indices.count }
    public var classCount: Int? { base.classCount }
    public var classNames: [String] { base.classNames }
    public subscript(index: Int) -> Sample { get throws { try base[indices[index]] } }
}

extension Subset: RecordDataset where Base: RecordDataset {
    public var records: Records { base.records }
    public func position(of index: Int) -> Int { base.position(of: indices[index]) }
}
