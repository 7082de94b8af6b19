/// A change of samples as they are read: scaling, augmentation, encoding.
///
///     let loader = DataLoader(train.map(RandomHorizontalFlip()).map(scaler), batchSize: 128)
///
/// Random numbers it draws come from `Generator.current`, which a ``DataLoader`` sets for each sample: what a transform does to
/// a sample follows from seed, epoch and index alone.
public protocol SampleTransform: Sendable {
    /// The changed sample.
    ///
    /// - Throws: where the sample's values cannot be changed so; a loader reports it, or skips the sample.
    func callAsFunction(_ sample: Sample) throws -> Sample
}

/// A change that does to each sample of a batch what it does to that sample alone, and draws no random numbers.
///
/// Where samples lie side by side in memory a loader then copies a batch as bytes and changes it as a whole, in the graph of the
/// step that follows, instead of sample by sample.
public protocol ElementwiseTransform: SampleTransform, BatchTransform {}

extension Dataset {
    /// The samples, each changed by `transform` when it is read.
    public func map(_ transform: some SampleTransform) -> MappedDataset<Self> {
        MappedDataset(self, elementwise: transform as? any ElementwiseTransform) { try transform($0) }
    }
}
