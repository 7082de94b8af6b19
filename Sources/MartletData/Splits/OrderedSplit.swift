import MartletTensor

extension Dataset {
    /// Cuts the samples in their order: the first to train with, the next to choose by, the last to judge by.
    ///
    /// What is to be predicted lies ahead in time; a random split would train on the days after those it is tested on.
    ///
    /// Counts are those of `split`: each fraction of the count, rounded; where they add up to 1 the last part gets the rest.
    public func orderedSplit(
        train: Double, validation: Double, test: Double
    ) -> (train: Subset<Self>, validation: Subset<Self>, test: Subset<Self>) {
        let parts = orderedSplit([train, validation, test], indices: Array(0..<count))
        return (parts[0], parts[1], parts[2])
    }

    /// Cuts the samples in their order into two parts.
    public func orderedSplit(train: Double, test: Double) -> (train: Subset<Self>, test: Subset<Self>) {
        let parts = orderedSplit([train, test], indices: Array(0..<count))
        return (parts[0], parts[1])
    }

    /// Cuts the samples in the order of their times into three parts; equal times stay in the order of the samples.
    ///
    /// - Parameter times: each sample's time, in the order of the samples: dates, or anything else that has an order.
    public func orderedSplit<Time: Comparable>(
        train: Double, validation: Double, test: Double, by times: [Time]
    ) -> (train: Subset<Self>, validation: Subset<Self>, test: Subset<Self>) {
        guard times.count == count else {
            stop("orderedSplit: \(times.count) times for \(count) samples; one a sample is needed")
        }
        let order = times.indices.sorted { (times[$0], $0) < (times[$1], $1) }
        let parts = orderedSplit([train, validation, test], indices: order)
        return (parts[0], parts[1], parts[2])
    }

    private func orderedSplit(_ fractions: [Double], indices: [Int]) -> [Subset<Self>] {
        parts(of: indices, counts: partCounts(of: count, fractions, operation: "orderedSplit"))
    }
}
