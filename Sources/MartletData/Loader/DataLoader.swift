import Foundation
import MartletTensor

/// Batches of a data set, an epoch at a time.
///
///     let loader = DataLoader(data, batchSize: 64, shuffle: true, workers: 2)
///     for epoch in 1...10 {
///         for batch in loader { step(batch.inputs, batch.labels) }
///         try loader.finish()
///     }
///
/// Every `for` loop over it is the next epoch, with an order of its own. Which samples make a batch, and the random
/// numbers drawn for each, depend on the seed, the epoch and the sample's index alone: they are the same for any number
/// of workers, and after `resume(from:)`. A sample that a sampler names several times in an epoch gets other numbers each time.
///
/// Workers are threads at the lowest priority (nice 19) that read ahead, at most two batches each; they pay where
/// reading a sample is work. Without workers a batch is read when the loop asks for it. Records in memory, picked or scaled
/// (`RecordDataset`, `Subset`, `ElementwiseTransform`), are read a batch at a time, as bytes.
///
/// An error in reading a sample ends the epoch early, or leaves the sample out, as `onError` says. A `for` loop cannot
/// throw it: `finish()` does, and a line on standard error says so at once.
public final class DataLoader: Sequence, Sendable {
    /// What an error in reading a sample does.
    public enum ErrorPolicy: String, Sendable, Codable {
        /// The epoch ends before the batch; `finish()` throws the error.
        case stop
        /// The sample is left out of its batch and named in `skipped`.
        case skip
    }

    /// A sample that could not be read.
    public struct SkippedSample: Sendable {
        /// The epoch, from 0.
        public let epoch: Int
        /// The sample's index in the data set.
        public let index: Int
        /// What reading it threw.
        public let error: any Error
    }

    /// The data set.
    public let dataset: any Dataset
    /// Samples in a batch; the last one of an epoch may have fewer.
    public let batchSize: Int
    /// True where each epoch has an order of its own, of all samples.
    public let shuffle: Bool
    /// Which samples an epoch reads, and in which order.
    public let sampler: any Sampler
    /// True where a last batch that is not full is left out.
    public let dropLast: Bool
    /// Threads that read ahead; 0 reads on the loop's thread.
    public let workers: Int
    /// What an error in reading a sample does.
    public let onError: ErrorPolicy
    /// How samples become a batch.
    public let collation: Collation
    /// What is done to each batch as a whole.
    public let batchTransform: (any BatchTransform)?
    let progress: LoaderProgress

    /// Batches over a data set.
    ///
    /// - Parameters:
    ///   - dataset: where samples come from.
    ///   - batchSize: samples in a batch.
    ///   - shuffle: whether each epoch has an order of its own.
    ///   - sampler: which samples an epoch reads, and in which order, in place of `shuffle`.
    ///   - dropLast: whether a last batch that is not full is left out.
    ///   - workers: threads that read ahead.
    ///   - seed: of orders and samples' random numbers; without one, it is drawn from `Generator.current`, which
    ///     `manualSeed` sets.
    ///   - onError: what an error in reading a sample does.
    ///   - collation: how samples become a batch; `.padded()` takes samples of unequal sizes.
    ///   - batchTransform: what is done to each batch as a whole, such as mixing its samples.
    public init(
        _ dataset: any Dataset, batchSize: Int, shuffle: Bool = false, sampler: (any Sampler)? = nil,
        dropLast: Bool = false, workers: Int = 0, seed: UInt64? = nil, onError: ErrorPolicy = .stop,
        collation: Collation = .stacked, batchTransform: (any BatchTransform)? = nil
    ) {
        guard batchSize > 0 else { stop("DataLoader: batchSize must be at least 1, it is \(batchSize)") }
        guard workers >= 0 else { stop("DataLoader: workers must be at least 0, it is \(workers)") }
        guard dataset.count <= Int(UInt32.max) else {
            stop("DataLoader: a data set of \(dataset.count) samples; 4,294,967,295 at most")
        }
        guard !shuffle || sampler == nil else { stop("DataLoader: a sampler has an order of its own; give no shuffle") }
        self.dataset = dataset
        self.batchSize = batchSize
        self.shuffle = shuffle
        self.sampler = sampler ?? (shuffle ? RandomSampler() : SequentialSampler())
        self.dropLast = dropLast
        self.workers = workers
        self.onError = onError
        self.collation = collation
        self.batchTransform = batchTransform
        if let seed {
            progress = LoaderProgress(seed: seed)
        } else {
            var stream = RandomStream(MartletTensor.Generator.current)
            progress = LoaderProgress(seed: stream.next())
        }
    }

    /// Number of batches in an epoch.
    public var count: Int {
        let samples = sampler.count(of: dataset.count)
        return dropLast ? samples / batchSize : (samples + batchSize - 1) / batchSize
    }

    /// 0: an epoch that is resumed, or that an error ends, has fewer batches than `count`.
    public var underestimatedCount: Int { 0 }

    /// The next epoch's batches; after `resume(from:)`, what is left of the epoch.
    public func makeIterator() -> Iterator { Iterator(self, progress.begin()) }

    /// Throws what ended the last epoch early, once; to be called after each loop.
    public func finish() throws {
        if let error = progress.takeError() { throw error }
    }

    /// The samples that were left out so far, by epoch; the first thousand are kept.
    public var skipped: [SkippedSample] { progress.skipped }

    /// What the sampler gives for an epoch; stops where it does not keep its promises.
    func checkedIndices(of epoch: SamplingEpoch) -> [Int] {
        let indices = sampler.indices(of: epoch)
        guard indices.count == sampler.count(of: epoch.sampleCount) else {
            stop(
                "DataLoader: \(sampler.signature) gave \(indices.count) indices and said "
                    + "\(sampler.count(of: epoch.sampleCount))")
        }
        if let wrong = indices.first(where: { !(0..<epoch.sampleCount).contains($0) }) {
            stop("DataLoader: \(sampler.signature) gave index \(wrong) for a data set of \(epoch.sampleCount) samples")
        }
        return indices
    }
}
