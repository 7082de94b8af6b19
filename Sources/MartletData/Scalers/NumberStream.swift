import MartletTensor

/// The numbers of one part of a data set's samples, read a block at a time.
struct NumberStream<Source: Dataset> {
    private let dataset: Source
    private let part: SamplePart
    private let per: ScalerGrouping
    /// Numbers in a block, about: they stay in the second-level cache.
    private static var blockSize: Int { 1 << 16 }

    init(_ dataset: Source, _ part: SamplePart, per: ScalerGrouping) {
        (self.dataset, self.part, self.per) = (dataset, part, per)
    }

    /// Calls `body` with one sample's numbers after the other's, several at a time, and with the group of each.
    ///
    /// - Throws: `DataError` where a sample's groups are not those of the first; what reading a sample throws.
    func forEachBlock(_ body: (NumberBlock) throws -> Void) throws {
        guard dataset.count > 0 else {
            throw DataError(
                dataset: "\(Source.self)", field: part.rawValue, expected: "a sample to learn from", found: "none")
        }
        if let reader = BatchReader(of: dataset) {
            try forEachBatch(reader, body)
        } else {
            try forEachSample(body)
        }
    }

    private func forEachBatch(_ reader: BatchReader, _ body: (NumberBlock) throws -> Void) throws {
        let first = try onNoDevice { try numbers(of: reader.completed(reader.gathered([0]))) }
        let map = GroupMap(per, sample: Shape(Array(first.shape.sizes.dropFirst())))
        let size = max(1, Self.blockSize / max(1, map.groups.count))
        var block = NumberBlock(map)
        var start = 0
        while start < dataset.count {
            let end = min(dataset.count, start + size)
            let x = try onNoDevice { try numbers(of: reader.completed(reader.gathered(Array(start..<end)))) }
            block.numbers.removeAll(keepingCapacity: true)
            try block.append(x)
            try body(block)
            start = end
        }
    }

    private func forEachSample(_ body: (NumberBlock) throws -> Void) throws {
        var block: NumberBlock?
        for index in 0..<dataset.count {
            let sample = try dataset.reading(index)
            let x = part == .inputs ? sample.inputs : sample.label
            if let full = block, full.map.sample != x.shape || full.numbers.count >= Self.blockSize {
                try body(full)
                block?.numbers.removeAll(keepingCapacity: true)
            }
            if block?.map.sample != x.shape { block = try self.block(of: x.shape, after: block, index: index) }
            try block?.append(x)
        }
        if let block { try body(block) }
    }

    /// An empty block for samples of a shape, whose groups must be those of the block before.
    private func block(of shape: Shape, after other: NumberBlock?, index: Int) throws(DataError) -> NumberBlock {
        guard shape.rank == other?.map.shape.rank ?? shape.rank else { throw error(shape, other, index) }
        let block = NumberBlock(GroupMap(per, sample: shape))
        guard block.map.shape == other?.map.shape ?? block.map.shape else { throw error(shape, other, index) }
        return block
    }

    private func error(_ shape: Shape, _ other: NumberBlock?, _ index: Int) -> DataError {
        DataError(
            dataset: "\(Source.self)", field: part.rawValue, index: index,
            expected: "groups of shape \(other?.map.shape ?? []), as the first sample has them",
            found: "a sample of shape \(shape)")
    }

    private func numbers(of batch: Batch) -> Tensor { part == .inputs ? batch.inputs : batch.labels }
}

/// Numbers of whole samples, side by side.
struct NumberBlock {
    /// The groups of one sample's elements.
    let map: GroupMap
    /// The samples' elements.
    var numbers: [Double] = []

    init(_ map: GroupMap) { self.map = map }

    /// Takes in the elements of one sample, or of several.
    mutating func append(_ x: Tensor) throws {
        try x.withUnsafeBytes { bytes in
            switch x.dtype {
            case .float64: numbers += bytes.bindMemory(to: Double.self)
            case .float32: numbers += bytes.bindMemory(to: Float.self).lazy.map { Double($0) }
            case .uint8: numbers += bytes.lazy.map { Double($0) }
            default:
                guard let base = bytes.baseAddress else { return }
                numbers += (0..<x.elementCount).lazy.map { x.dtype.number(base, $0).real }
            }
        }
    }

    /// Calls `body` with each finite number and its group.
    @inline(__always)
    func visit(_ body: (_ number: Double, _ group: Int) -> Void) {
        let elements = map.groups.count
        guard elements > 0 else { return }
        numbers.withUnsafeBufferPointer { numbers in
            map.groups.withUnsafeBufferPointer { groups in
                var start = 0
                while start < numbers.count {
                    for element in 0..<elements {
                        let number = numbers[start + element]
                        if number.isFinite { body(number, groups[element]) }
                    }
                    start += elements
                }
            }
        }
    }
}
