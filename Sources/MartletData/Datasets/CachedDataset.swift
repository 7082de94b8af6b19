import MartletTensor

/// A data set that keeps each sample in memory once it was read: `Dataset.cached()` makes it.
public struct CachedDataset<Base: Dataset>: Dataset {
    /// The data set behind.
    public let base: Base
    private let store: SampleStore

    init(_ base: Base) {
        self.base = base
        store = SampleStore(count: base.count)
    }

    /// The number of samples of `base`.
    public var count: Int { base.count }
    /// The number of classes of `base`.
    public var classCount: Int? { base.classCount }
    /// The class names of `base`.
    public var classNames: [String] { base.classNames }
    /// The sample of `base` as it was first read; throws what reading it throws, and tries again the next time.
    public subscript(index: Int) -> Sample {
        get throws {
            if let kept = store[index] { return kept }
            let sample = try base.reading(index)
            let made = try onNoDevice {
                Sample(inputs: try sample.inputs.computed(), label: try sample.label.computed())
            }
            store[index] = made
            return made
        }
    }
}

extension Dataset {
    /// The samples, each read once and then kept in memory, as long as the cached set is used.
    ///
    ///     let data = photos.map(Decode()).cached().map(RandomCrop(224))
    ///
    /// What comes before is done once for a sample, with random numbers that follow from its index alone; what is to be random
    /// in each epoch comes after. Copies of the cached set share what they keep.
    public func cached() -> CachedDataset<Self> { CachedDataset(self) }
}

extension Tensor {
    /// The value without what it was computed from, contiguous in host memory.
    fileprivate func computed() throws -> Tensor {
        let own = detached()
        return Tensor(Value.leaf(try own.contiguousOnHost(), own.value.type, device: nil))
    }
}

/// Samples by index, shared between threads.
///
/// `@unchecked Sendable`: `samples` is touched under `lock` only.
private final class SampleStore: @unchecked Sendable {
    private let lock = Lock()
    private var samples: [Sample?]

    init(count: Int) { samples = Array(repeating: nil, count: count) }

    subscript(index: Int) -> Sample? {
        get { lock.withLock { samples[index] } }
        set { lock.withLock { samples[index] = newValue } }
    }
}
