extension DataLoader {
    /// Where a loader is: with the same data set and settings, all that follows is determined by it.
    public struct State: Codable, Hashable, Sendable {
        /// The seed of orders and samples.
        public var seed: UInt64
        /// The epoch, from 0.
        public var epoch: Int
        /// Batches of it that the loop has received.
        public var batch: Int
        /// The data set's size.
        public var sampleCount: Int
        /// Samples in a batch.
        public var batchSize: Int
        /// Whether the order is drawn anew in each epoch.
        public var shuffle: Bool
        /// Whether a last batch that is not full is left out.
        public var dropLast: Bool
        /// The sampler's signature; nil in positions that were kept before there were samplers.
        public var sampler: String?
    }

    /// The position now, to be kept in a checkpoint.
    public var state: State {
        let (seed, position) = progress.current
        return State(
            seed: seed, epoch: position.epoch, batch: position.batch, sampleCount: dataset.count, batchSize: batchSize,
            shuffle: shuffle, dropLast: dropLast, sampler: sampler.signature)
    }

    /// Continues from a kept position: the next loop goes on with the batch that would have followed.
    ///
    /// - Throws: `DataError` with the field `state` where it was kept by a loader of another size.
    public func resume(from state: State) throws(DataError) {
        guard state.sampleCount == dataset.count, state.batchSize == batchSize else {
            throw DataError(
                dataset: "DataLoader", field: "state",
                expected: "\(dataset.count) samples in batches of \(batchSize)",
                found: "\(state.sampleCount) samples in batches of \(state.batchSize)")
        }
        guard state.shuffle == shuffle, state.dropLast == dropLast else {
            throw DataError(
                dataset: "DataLoader", field: "state", expected: "shuffle \(shuffle), dropLast \(dropLast)",
                found: "shuffle \(state.shuffle), dropLast \(state.dropLast)")
        }
        guard state.sampler ?? sampler.signature == sampler.signature else {
            throw DataError(
                dataset: "DataLoader", field: "state", expected: "the order of \(sampler.signature)",
                found: "that of \(state.sampler ?? "another")")
        }
        guard state.epoch >= 0, (0...count).contains(state.batch) else {
            throw DataError(
                dataset: "DataLoader", field: "state", expected: "an epoch and one of its \(count) batches",
                found: "epoch \(state.epoch), batch \(state.batch)")
        }
        progress.resume(seed: state.seed, LoaderProgress.Position(epoch: state.epoch, batch: state.batch))
    }
}
