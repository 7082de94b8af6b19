/// How a data set's batches are read as a whole instead of sample by sample.
struct BatchReader: Sendable {
    /// The samples at these indices, stacked as they are stored: cheap, and done on any thread.
    let gathered: @Sendable (_ indices: [Int]) -> Batch
    /// A gathered batch as its reader gets it: recorded, hence on the thread that will compute with it.
    let completed: @Sendable (Batch) throws -> Batch

    /// The reader of a data set that has one: records, and what only picks or scales them.
    init?(of dataset: any Dataset) {
        if let records = dataset as? any RecordDataset {
            self.init(records)
        } else if let reader = (dataset as? any BatchReadable)?.batchReader {
            self = reader
        } else {
            return nil
        }
    }

    private init(_ dataset: some RecordDataset) {
        gathered = { indices in dataset.records.gathered(indices.map(dataset.position), indices: indices) }
        completed = { batch in dataset.records.decoded(batch) }
    }

    private init(
        gathered: @escaping @Sendable ([Int]) -> Batch, completed: @escaping @Sendable (Batch) throws -> Batch
    ) {
        (self.gathered, self.completed) = (gathered, completed)
    }

    /// The reader of a set whose sample `index` is this one's sample `position(index)`.
    func picking(_ position: @escaping @Sendable (Int) -> Int) -> BatchReader {
        BatchReader(gathered: { [gathered] indices in gathered(indices.map(position)) }, completed: completed)
    }

    /// The reader of a set whose batches are changed by `transform`.
    func transformed(by transform: some BatchTransform) -> BatchReader {
        BatchReader(gathered: gathered, completed: { [completed] batch in try transform(try completed(batch)) })
    }
}

/// A data set made of another one, which can read batches where that one can.
protocol BatchReadable: Dataset {
    /// nil where samples are read one by one.
    var batchReader: BatchReader? { get }
}
