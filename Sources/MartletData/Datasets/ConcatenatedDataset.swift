import MartletTensor

/// Data sets one after the other: `Dataset.concatenated(with:)` makes it.
public struct ConcatenatedDataset: Dataset {
    /// The data sets, in their order.
    public let parts: [any Dataset]
    /// The sum of the parts' counts.
    public let count: Int
    /// The number of classes, which all parts share.
    public let classCount: Int?
    /// The class names of the first part that has some.
    public let classNames: [String]
    /// Where each part begins.
    private let starts: [Int]

    /// The samples of `parts`, those of the first part first. Stops where one has classes and another not as many.
    public init(_ parts: [any Dataset]) {
        let classCounts = Set(parts.map(\.classCount))
        guard classCounts.count <= 1 else {
            let listed = parts.map { $0.classCount.map(String.init) ?? "none" }.joined(separator: ", ")
            stop("concatenated: the data sets must have equally many classes, they have \(listed)")
        }
        self.parts = parts
        classCount = parts.first?.classCount
        classNames = parts.lazy.map(\.classNames).first { !$0.isEmpty } ?? []
        var starts: [Int] = []
        count = parts.reduce(0) { start, part in
            starts.append(start)
            return start + part.count
        }
        self.starts = starts
    }

    /// The sample of the part that the index falls in; throws what reading it throws.
    public subscript(index: Int) -> Sample {
        get throws {
            guard (0..<count).contains(index) else {
                stop("ConcatenatedDataset: index \(index) is outside the data set's 0..<\(count)")
            }
            // The last part that begins at the index or before; parts without samples share their start with the next.
            var (low, high) = (0, parts.count)
            while high - low > 1 {
                let middle = (low + high) / 2
                if starts[middle] <= index { low = middle } else { high = middle }
            }
            return try parts[low][index - starts[low]]
        }
    }
}

extension Dataset {
    /// These samples, then those of the other data sets in their order.
    public func concatenated(with others: any Dataset...) -> ConcatenatedDataset {
        ConcatenatedDataset([self] + others)
    }
}
