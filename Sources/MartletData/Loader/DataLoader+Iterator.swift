import Foundation

extension DataLoader {
    /// The batches of one epoch, in order.
    public final class Iterator: IteratorProtocol {
        private let loader: DataLoader
        private let plan: EpochPlan
        private var position: LoaderProgress.Position
        private let lease: Prefetcher.Lease?
        private var hasEnded = false

        init(_ loader: DataLoader, _ start: LoaderProgress.Start) {
            self.loader = loader
            position = start.position
            plan = EpochPlan(loader, epoch: position.epoch, seed: start.seed)
            lease =
                loader.workers == 0
                ? nil
                : Prefetcher.Lease(plan, from: position.batch, workers: loader.workers, depth: 2 * loader.workers)
        }

        /// The next batch; nil after the last one, and where an error ended the epoch.
        public func next() -> Batch? {
            while !hasEnded, let outcome = completed(nextOutcome()) {
                if let error = outcome.error {
                    hasEnded = true
                    loader.progress.fail(error)
                    return nil
                }
                position.batch += 1
                loader.progress.advance(to: position, skipping: outcome.skipped)
                if let batch = outcome.batch { return batch }
            }
            if !hasEnded {
                hasEnded = true
                loader.progress.advance(to: .init(epoch: position.epoch + 1, batch: 0), skipping: [])
            }
            return nil
        }

        private func nextOutcome() -> EpochPlan.Outcome? {
            if let lease { return lease.prefetcher.next() }
            return position.batch < plan.count ? plan.read(position.batch) : nil
        }

        /// What was read, decoded and transformed; a batch that cannot be is treated as its samples would be.
        private func completed(_ outcome: EpochPlan.Outcome?) -> EpochPlan.Outcome? {
            guard var outcome, let batch = outcome.batch else { return outcome }
            do {
                outcome.batch = try plan.completed(batch, number: position.batch)
            } catch {
                guard loader.onError == .skip else { return EpochPlan.Outcome(error: error) }
                outcome.batch = nil
                outcome.skipped += batch.indices.map {
                    DataLoader.SkippedSample(epoch: plan.epoch, index: $0, error: error)
                }
            }
            return outcome
        }
    }

    /// The epochs' batches one after the other without end; it ends only with an error.
    ///
    ///     for batch in loader.repeated().prefix(2000) { ... }
    public func repeated() -> Repeated { Repeated(loader: self) }

    /// A loader's batches, epoch after epoch: `DataLoader.repeated()` makes it.
    public struct Repeated: Sequence, Sendable {
        let loader: DataLoader

        /// The batches from the loader's next epoch on.
        public func makeIterator() -> Iterator { Iterator(loader: loader) }

        /// The batches, epoch after epoch.
        public struct Iterator: IteratorProtocol {
            let loader: DataLoader
            private var epoch: DataLoader.Iterator

            init(loader: DataLoader) {
                self.loader = loader
                epoch = loader.makeIterator()
            }

            /// The next batch; nil where an error ended an epoch, or an epoch has no batch at all.
            public mutating func next() -> Batch? {
                if let batch = epoch.next() { return batch }
                // A resumed epoch may have been at its end already: one empty epoch is passed over, two are not.
                for _ in 0..<2 {
                    guard !loader.progress.hasFailed else { return nil }
                    epoch = loader.makeIterator()
                    if let batch = epoch.next() { return batch }
                }
                return nil
            }
        }
    }
}
