/// A change of whole batches, which mixes samples or treats them together: mixup, cutmix, label smoothing.
///
///     let loader = DataLoader(train, batchSize: 128, shuffle: true, batchTransform: MixUp(alpha: 0.2))
///
/// A ``DataLoader`` calls it on the loop's own thread, after a batch was read, so that what it records is computed together with
/// what follows. Random numbers it draws come from `Generator.current`, which the loader sets for each batch: what a transform
/// does follows from seed, epoch and the batch's number alone.
public protocol BatchTransform: Sendable {
    /// The changed batch.
    ///
    /// - Throws: where the batch cannot be changed so; the loader ends the epoch, or leaves the batch out.
    func callAsFunction(_ batch: Batch) throws -> Batch
}
