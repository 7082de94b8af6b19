import MartletTensor

/// A finite collection of samples that can be read in any order and from any thread.
///
///     struct Squares: Dataset {
///         let count = 100
///         subscript(index: Int) -> Sample {
///             Sample(inputs: Tensor(Float(index)), label: Tensor(Float(index * index)))
///         }
///     }
///
/// Where reading a sample draws random numbers it takes them from `Generator.current`: a `DataLoader` sets one for each
/// sample, given by its seed, the epoch and the index, so that the numbers are the same for any number of workers.
public protocol Dataset: Sendable {
    /// Number of samples.
    var count: Int { get }
    /// Number of classes where labels are classes: then each label is an int64 in `0..<classCount`.
    var classCount: Int? { get }
    /// The names of the classes, in the order of their labels; empty where they have none.
    var classNames: [String] { get }
    /// The sample at an index in `0..<count`. What it throws, a loader reports by `finish()` or skips.
    subscript(index: Int) -> Sample { get throws }
}

extension Dataset {
    /// nil: labels are not classes.
    public var classCount: Int? { nil }
    /// None.
    public var classNames: [String] { [] }

    /// True without a sample.
    public var isEmpty: Bool { count == 0 }

    /// The samples, each changed by `transform` when it is read.
    ///
    /// `transform` runs on a loader's worker where there is one. Random numbers it draws from `Generator.current`.
    public func map(_ transform: @escaping @Sendable (Sample) throws -> Sample) -> MappedDataset<Self> {
        MappedDataset(self, transform)
    }

    /// The samples for which `isIncluded` is true, in their order: reads every sample once, now.
    ///
    /// Random numbers drawn in reading a sample follow from its index alone.
    ///
    /// - Throws: what reading a sample or `isIncluded` throws.
    public func filter(_ isIncluded: (Sample) throws -> Bool) throws -> Subset<Self> {
        Subset(self, try (0..<count).filter { try isIncluded(try reading($0)) })
    }

    /// The sample at an index, for whoever reads the whole set at once: on no device, with random numbers that follow from the
    /// index alone, so that every reading sees the same.
    func reading(_ index: Int) throws -> Sample {
        try onNoDevice { try withGenerator(seed: UInt64(index)) { try self[index] } }
    }

    /// The samples at `indices`, in that order; an index may be named more than once.
    public func subset(_ indices: some Sequence<Int>) -> Subset<Self> { Subset(self, Array(indices)) }
}
