import MartletData

/// The batches of a loader's epoch, those of one step together: `size` of them, the last ones of an epoch perhaps fewer.
struct BatchGroups: Sequence, IteratorProtocol {
    private let loader: DataLoader
    private var batches: DataLoader.Iterator
    private let size: Int

    init(of loader: DataLoader, size: Int) {
        (self.loader, self.size) = (loader, size)
        batches = loader.makeIterator()
    }

    mutating func next() -> [Batch]? {
        var group: [Batch] = []
        // Asking for a batch after the last one would end the epoch before the step is taken: the loader's place would be
        // that of the next epoch.
        while group.count < size, group.isEmpty || loader.state.batch < loader.count, let batch = batches.next() {
            group.append(batch)
        }
        return group.isEmpty ? nil : group
    }
}
