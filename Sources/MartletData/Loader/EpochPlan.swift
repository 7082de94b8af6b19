import MartletTensor

/// Which samples make up each batch of one epoch, and how a batch is read.
///
/// A plan depends on data set, settings, seed and epoch alone, so any worker may make any batch of it.
struct EpochPlan: Sendable {
    let dataset: any Dataset
    let batchSize: Int
    let seed: UInt64
    let epoch: Int
    let onError: DataLoader.ErrorPolicy
    let batchTransform: (any BatchTransform)?
    /// Number of batches.
    let count: Int
    /// The samples' indices in the epoch's order; nil where that is the data set's own.
    private let order: [UInt32]?

    init(
        dataset: any Dataset, batchSize: Int, shuffle: Bool, count: Int, seed: UInt64, epoch: Int,
        onError: DataLoader.ErrorPolicy, batchTransform: (any BatchTransform)?
    ) {
        self.dataset = dataset
        self.batchSize = batchSize
        self.seed = seed
        self.epoch = epoch
        self.onError = onError
        self.batchTransform = batchTransform
        self.count = count
        var random = RandomStream(seed: seed, UInt64(epoch))
        order = shuffle ? random.permutation(of: dataset.count) : nil
    }

    /// The samples' indices of a batch.
    func indices(of batch: Int) -> [Int] {
        let range = batch * batchSize..<min(dataset.count, (batch + 1) * batchSize)
        guard let order else { return Array(range) }
        return order[range].map { Int($0) }
    }

    /// What reading a batch gave.
    struct Outcome: Sendable {
        /// The batch; nil where no sample of it could be read.
        var batch: Batch?
        /// The samples left out.
        var skipped: [DataLoader.SkippedSample] = []
        /// What stopped the epoch here.
        var error: (any Error)?
    }

    /// Reads a batch, on any thread: its tensors are in host memory and on no device, nothing is left pending.
    func read(_ batch: Int) -> Outcome { onNoDevice { gathered(batch) } }

    private func gathered(_ batch: Int) -> Outcome {
        let indices = indices(of: batch)
        if let records = dataset as? any RecordDataset {
            return Outcome(batch: records.records.gathered(indices.map(records.position), indices: indices))
        }
        var outcome = Outcome()
        var collector = SampleCollector(capacity: indices.count)
        for index in indices {
            do {
                try withGenerator(generator(for: index)) { try collector.append(dataset[index], index: index) }
            } catch {
                guard onError == .skip else { return Outcome(error: error) }
                outcome.skipped.append(DataLoader.SkippedSample(epoch: epoch, index: index, error: error))
            }
        }
        outcome.batch = collector.batch()
        return outcome
    }

    /// A batch that was read, as the loop gets it: what remains is recorded on the loop's own thread.
    func completed(_ batch: Batch, number: Int) throws -> Batch {
        try onNoDevice {
            let batch = (dataset as? any RecordDataset)?.records.decoded(batch) ?? batch
            guard let batchTransform else { return batch }
            return try withGenerator(generator(forBatch: number)) { try batchTransform(batch) }
        }
    }

    /// The random numbers of one sample in this epoch: the same in whichever batch or worker it is read.
    private func generator(for index: Int) -> Generator {
        var stream = RandomStream(seed: seed, UInt64(epoch), UInt64(index))
        return Generator(seed: stream.next())
    }

    /// The random numbers of one batch as a whole; the last number tells its stream from any sample's.
    private func generator(forBatch number: Int) -> Generator {
        var stream = RandomStream(seed: seed, UInt64(epoch), UInt64(number), .max)
        return Generator(seed: stream.next())
    }
}
