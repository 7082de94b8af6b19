/// A data set over `Records`: a loader copies its batches as bytes instead of reading sample by sample.
public protocol RecordDataset: Dataset {
    /// The stored samples.
    var records: Records { get }
    /// The position among `records` of the sample at an index.
    func position(of index: Int) -> Int
}

extension RecordDataset {
    /// All of `records`.
    public var count: Int { records.count }
    /// The number of classes of `records`.
    public var classCount: Int? { records.classCount }
    /// The index itself.
    public func position(of index: Int) -> Int { index }
    /// The sample of `records` at the index' position.
    public subscript(index: Int) -> Sample { get throws { records.sample(at: position(of: index)) } }
}
