import MartletTensor

/// Stacks samples: their tensors' bytes, side by side.
struct SampleCollector {
    private var inputs: [Realized] = []
    private var labels: [Realized] = []
    private var types: (inputs: TensorType, label: TensorType)?
    private var indices: [Int] = []

    init(capacity: Int) {
        inputs.reserveCapacity(capacity)
        labels.reserveCapacity(capacity)
        indices.reserveCapacity(capacity)
    }

    /// Computes a sample's tensors and takes them in.
    ///
    /// - Throws: `DataError` where shapes or types differ from those of the batch's first sample.
    mutating func append(_ sample: Sample, index: Int) throws {
        let own = (inputs: sample.inputs.value.type, label: sample.label.value.type)
        let first = types ?? own
        try Self.check(own.inputs, first.inputs, "inputs", index)
        try Self.check(own.label, first.label, "label", index)
        let made = (
            try sample.inputs.detached().contiguousOnHost(), try sample.label.detached().contiguousOnHost()
        )
        types = first
        inputs.append(made.0)
        labels.append(made.1)
        indices.append(index)
    }

    /// The samples so far; nil without one.
    func batch() -> Batch? {
        guard let types else { return nil }
        return Batch(
            inputs: Self.stacked(inputs, types.inputs), labels: Self.stacked(labels, types.label), indices: indices)
    }

    private static func check(_ own: TensorType, _ first: TensorType, _ field: String, _ index: Int) throws(DataError) {
        guard own != first else { return }
        throw DataError(
            dataset: "DataLoader", field: field, index: index,
            expected: "\(first), as the batch's first sample has it", found: "\(own)")
    }

    private static func stacked(_ parts: [Realized], _ type: TensorType) -> Tensor {
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
