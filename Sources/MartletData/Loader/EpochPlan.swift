import MartletTensor

/// Which samples make up each batch of one epoch, and how a batch is read.
///
/// A plan depends on data set, settings, seed and epoch alone, so any worker may make any batch of it.
struct EpochPlan: Sendable {
    let loader: DataLoader
    let seed: UInt64
    let epoch: Int
    /// Number of batches.
    let count: Int
    /// The samples' indices in the epoch's order; nil where that is the data set's own.
    private let order: [Int]?
    /// How often each sample of the order came before; nil where none comes twice.
    private let repetitions: [UInt32]?
    private let reader: BatchReader?

    /// The plan of a loader's epoch.
    init(_ loader: DataLoader, epoch: Int, seed: UInt64) {
        self.loader = loader
        self.seed = seed
        self.epoch = epoch
        count = loader.count
        reader = loader.collation.padding == nil ? BatchReader(of: loader.dataset) : nil
        order =
            loader.sampler is SequentialSampler
            ? nil
            : loader.checkedIndices(
                of: SamplingEpoch(
                    sampleCount: loader.dataset.count, batchSize: loader.batchSize, seed: seed, number: epoch))
        let drawsNumbers = reader == nil
        repetitions = drawsNumbers ? order.flatMap { Self.repetitions(in: $0, of: loader.dataset.count) } : nil
    }

    /// The places of a batch in the epoch's order.
    private func places(of batch: Int) -> Range<Int> {
        let start = batch * loader.batchSize
        return start..<min(order?.count ?? loader.dataset.count, start + loader.batchSize)
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
        let places = places(of: batch)
        if let reader {
            let indices = places.map(index)
            var batch = reader.gathered(indices)
            batch.indices = indices
            return Outcome(batch: batch)
        }
        var outcome = Outcome()
        var collector = SampleCollector(loader.collation, capacity: places.count)
        for place in places {
            let index = index(at: place)
            do {
                try withGenerator(generator(for: index, repetition: repetitions?[place] ?? 0)) {
                    try collector.append(loader.dataset[index], index: index)
                }
            } catch {
                guard loader.onError == .skip else { return Outcome(error: error) }
                outcome.skipped.append(DataLoader.SkippedSample(epoch: epoch, index: index, error: error))
            }
        }
        outcome.batch = collector.batch()
        return outcome
    }

    private func index(at place: Int) -> Int { order?[place] ?? place }

    /// A batch that was read, as the loop gets it: what remains is recorded on the loop's own thread.
    func completed(_ batch: Batch, number: Int) throws -> Batch {
        try onNoDevice {
            let batch = try reader?.completed(batch) ?? batch
            guard let batchTransform = loader.batchTransform else { return batch }
            return try withGenerator(generator(forBatch: number)) { try batchTransform(batch) }
        }
    }
}

extension EpochPlan {
    /// The random numbers of one sample in this epoch: the same in whichever batch or worker it is read. A sample that a sampler
    /// names again gets others.
    private func generator(for index: Int, repetition: UInt32) -> Generator {
        var stream =
            repetition == 0
            ? RandomStream(seed: seed, UInt64(epoch), UInt64(index))
            : RandomStream(seed: seed, UInt64(epoch), UInt64(index), UInt64(repetition))
        return Generator(seed: stream.next())
    }

    /// The random numbers of one batch as a whole; the last number tells its stream from any sample's.
    private func generator(forBatch number: Int) -> Generator {
        var stream = RandomStream(seed: seed, UInt64(epoch), UInt64(number), .max)
        return Generator(seed: stream.next())
    }

    /// How often each index of an order came before in it; nil where none comes twice.
    private static func repetitions(in order: [Int], of sampleCount: Int) -> [UInt32]? {
        var seen = [UInt32](repeating: 0, count: sampleCount)
        var repeats = false
        let repetitions = order.map { index in
            defer { seen[index] += 1 }
            repeats = repeats || seen[index] > 0
            return seen[index]
        }
        return repeats ? repetitions : nil
    }
}
