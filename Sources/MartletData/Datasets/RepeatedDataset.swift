import MartletTensor

/// A data set's samples several times over: `Dataset.repeated(_:)` makes it.
public struct RepeatedDataset<Base: Dataset>: Dataset {
    /// The data set behind.
    public let base: Base
    /// How often each sample comes.
    public let times: Int

    init(_ base: Base, times: Int) {
        guard times >= 0, !base.count.multipliedReportingOverflow(by: times).overflow else {
            stop("repeated: \(times) times \(base.count) samples is no count")
        }
        (self.base, self.times) = (base, times)
    }

    /// `times` the number of samples of `base`.
    public var count: Int { base.count * times }
    /// The number of classes of `base`.
    public var classCount: Int? { base.classCount }
    /// The class names of `base`.
    public var classNames: [String] { base.classNames }
    /// The sample of `base` at the index modulo its count; throws what reading it throws.
    public subscript(index: Int) -> Sample { get throws { try base[index % base.count] } }
}

extension RepeatedDataset: BatchReadable {
    var batchReader: BatchReader? { BatchReader(of: base)?.picking { [count = base.count] in $0 % count } }
}

extension Dataset {
    /// The samples `times` times over: an epoch is that much longer, and random changes differ from time to time.
    public func repeated(_ times: Int) -> RepeatedDataset<Self> { RepeatedDataset(self, times: times) }
}
