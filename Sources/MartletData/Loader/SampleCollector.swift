import MartletTensor

/// Takes in samples one by one and makes a batch of them.
struct SampleCollector {
    private var inputs: PartCollector
    private var labels: PartCollector
    private var indices: [Int] = []

    init(_ collation: Collation, capacity: Int) {
        inputs = PartCollector(field: "inputs", padding: collation.padding?.inputs, capacity: capacity)
        labels = PartCollector(field: "label", padding: collation.padding?.labels, capacity: capacity)
        indices.reserveCapacity(capacity)
    }

    /// Computes a sample's tensors and takes them in.
    ///
    /// - Throws: `DataError` where shapes or types do not go with those of the batch's first sample.
    mutating func append(_ sample: Sample, index: Int) throws {
        try inputs.check(sample.inputs, index)
        try labels.check(sample.label, index)
        let made = (try sample.inputs.detached().contiguousOnHost(), try sample.label.detached().contiguousOnHost())
        inputs.append(made.0, sample.inputs)
        labels.append(made.1, sample.label)
        indices.append(index)
    }

    /// The samples so far; nil without one.
    func batch() -> Batch? {
        guard let stackedInputs = inputs.stacked(), let stackedLabels = labels.stacked() else { return nil }
        return Batch(
            inputs: stackedInputs, labels: stackedLabels, indices: indices, lengths: inputs.lengths,
            labelLengths: labels.lengths)
    }
}

/// Stacks one part of each sample: their bytes, side by side.
private struct PartCollector {
    private let field: String
    /// What is written beyond a smaller sample's end; nil where shapes must be equal.
    private let padding: Double?
    private var parts: [Realized] = []
    private var shapes: [Shape] = []
    private var first: TensorType?

    init(field: String, padding: Double?, capacity: Int) {
        self.field = field
        self.padding = padding
        parts.reserveCapacity(capacity)
    }

    /// Throws where a tensor's shape or type does not go with the first one's.
    func check(_ tensor: Tensor, _ index: Int) throws(DataError) {
        let own = tensor.value.type
        guard let first, own != first else { return }
        if padding != nil, own.dtype == first.dtype, own.shape.sizes.count == first.shape.sizes.count { return }
        let kind = padding == nil ? "\(first)" : "\(first.dtype) of \(first.shape.sizes.count) axes"
        throw DataError(
            dataset: "DataLoader", field: field, index: index, expected: "\(kind), as the batch's first sample has it",
            found: "\(own)")
    }

    /// Takes in a tensor that was checked.
    mutating func append(_ part: Realized, _ tensor: Tensor) {
        first = first ?? tensor.value.type
        parts.append(part)
        if padding != nil { shapes.append(tensor.shape) }
    }

    /// The parts' sizes along their first axis, where they were padded.
    var lengths: Tensor? {
        guard padding != nil else { return nil }
        return Tensor(shapes.map { $0.sizes.first ?? 1 })
    }

    /// All parts as one tensor; nil without one.
    func stacked() -> Tensor? {
        guard let first else { return nil }
        guard let padding, Set(shapes).count > 1 else { return sideBySide(first) }
        let largest = shapes.dropFirst().reduce(first.shape.sizes) { zip($0, $1.sizes).map(max) }
        let fill = Tensor([padding], shape: [1], dtype: first.dtype)
        return Tensor(filling: TensorType(Shape([parts.count] + largest), first.dtype)) { target in
            try? fill.withUnsafeBytes { fillUp(target, with: $0) }
            let size = first.dtype.byteCount
            let room = largest.reduce(size, *)
            guard room > 0, let start = target.baseAddress else { return }
            for (place, part) in parts.enumerated() {
                copyBlock(
                    from: part.buffer.address + part.offset * size, shapes[place].sizes[...],
                    to: start + place * room, largest[...], elementSize: size)
            }
        }
    }

    private func sideBySide(_ type: TensorType) -> Tensor {
        let stackedType = TensorType(Shape([parts.count] + type.shape.sizes), type.dtype)
        return Tensor(filling: stackedType) { target in
            guard type.byteCount > 0 else { return }
            for (place, part) in parts.enumerated() {
                let start = part.buffer.address + part.offset * type.dtype.byteCount
                UnsafeMutableRawBufferPointer(
                    rebasing: target[place * type.byteCount..<(place + 1) * type.byteCount]
                ).copyMemory(from: UnsafeRawBufferPointer(start: start, count: type.byteCount))
            }
        }
    }
}

/// Writes one element over and over: doubles what is written until all is.
private func fillUp(_ target: UnsafeMutableRawBufferPointer, with element: UnsafeRawBufferPointer) {
    guard target.count >= element.count else { return }
    target.copyMemory(from: element)
    var written = element.count
    while written < target.count {
        let more = min(written, target.count - written)
        UnsafeMutableRawBufferPointer(rebasing: target[written..<written + more])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: target[0..<more]))
        written += more
    }
}

/// Copies a contiguous block of shape `sizes` into the corner of one of shape `room`, row by row.
private func copyBlock(
    from source: UnsafeRawPointer, _ sizes: ArraySlice<Int>, to target: UnsafeMutableRawPointer,
    _ room: ArraySlice<Int>, elementSize: Int
) {
    guard let count = sizes.first, sizes.dropFirst() != room.dropFirst() else {
        target.copyMemory(from: source, byteCount: sizes.reduce(elementSize, *))
        return
    }
    let sourceStep = sizes.dropFirst().reduce(elementSize, *)
    let targetStep = room.dropFirst().reduce(elementSize, *)
    for row in 0..<count {
        copyBlock(
            from: source + row * sourceStep, sizes.dropFirst(), to: target + row * targetStep, room.dropFirst(),
            elementSize: elementSize)
    }
}
