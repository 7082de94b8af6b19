/// A data set over `Records`: a loader copies its batches as bytes instead of reading sample by sample.
public protocol RecordDataset: Dataset {
    /// The stored samples.
    var records: Records { get }
    /// The position among `records` of the sample at an index.
    func position(of index: Int) -> Int
}

extension RecordDataset {
    public var count: Int { records.count }
    public var classCount: Int? { records.classCount }
    public func position(of index: Int) -> Int { index }
    public subscript(index: Int) -> Sample { get throws { records.sample(at: position(of: index)) } }
}
