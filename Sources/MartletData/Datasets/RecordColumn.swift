import MartletTensor

/// Records of one size and type, the one after the other in host memory.
struct RecordColumn: Sendable {
    /// The shape of one record.
    let recordShape: Shape
    private let dtype: DataType
    private let count: Int
    private let realized: Realized

    /// The records along a tensor's first axis.
    init(_ tensor: Tensor, name: String, field: String) throws(DataError) {
        do {
            realized = try tensor.detached().contiguousOnHost()
        } catch {
            throw DataError(dataset: name, field: field, expected: "values that can be computed", found: "\(error)")
        }
        recordShape = Shape(Array(tensor.shape.sizes.dropFirst()))
        dtype = tensor.dtype
        count = tensor.shape[0]
    }

    private var recordBytes: Int { recordShape.elementCount * dtype.byteCount }

    /// Where a record's bytes lie.
    func range(of position: Int) -> Range<Int> {
        precondition((0..<count).contains(position), "index \(position) is outside the data set's 0..<\(count)")
        return position * recordBytes..<(position + 1) * recordBytes
    }

    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        withExtendedLifetime(realized) {
            body(
                UnsafeRawBufferPointer(
                    start: realized.buffer.address + realized.offset * dtype.byteCount, count: count * recordBytes))
        }
    }

    /// The records at `positions`, stacked.
    func gathered(_ positions: [Int]) -> Tensor {
        let type = TensorType(Shape([positions.count] + recordShape.sizes), dtype)
        return Tensor(filling: type) { target in
            guard recordBytes > 0 else { return }
            withBytes { source in
                for (place, position) in positions.enumerated() {
                    let record = UnsafeMutableRawBufferPointer(
                        rebasing: target[place * recordBytes..<(place + 1) * recordBytes])
                    record.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[range(of: position)]))
                }
            }
        }
    }

    /// One record as it is stored.
    func record(at position: Int) -> Tensor {
        let range = range(of: position)
        return Tensor(filling: TensorType(recordShape, dtype)) { target in
            withBytes { target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[range])) }
        }
    }

    /// One record as float32, (x − mean) / divisor, rounded after each step as the graph's own operations are; nil where it is
    /// stored in a type for which that is left to the graph.
    func scaledRecord(at position: Int, mean: Float, divisor: Float) -> Tensor? {
        guard dtype == .uint8 || dtype == .float32 else { return nil }
        let range = range(of: position)
        return Tensor(filling: TensorType(recordShape, .float32)) { target in
            withBytes { bytes in
                let source = UnsafeRawBufferPointer(rebasing: bytes[range])
                let target = target.bindMemory(to: Float.self)
                if dtype == .uint8 {
                    scale(source.bindMemory(to: UInt8.self), into: target, mean, divisor)
                } else {
                    scale(source.bindMemory(to: Float.self), into: target, mean, divisor)
                }
            }
        }
    }
}

/// A loop a type: as one generic function it is neither inlined nor vectorised.
private func scale(
    _ source: UnsafeBufferPointer<UInt8>, into target: UnsafeMutableBufferPointer<Float>, _ mean: Float,
    _ divisor: Float
) {
    for place in source.indices { target[place] = (Float(source[place]) - mean) / divisor }
}

private func scale(
    _ source: UnsafeBufferPointer<Float>, into target: UnsafeMutableBufferPointer<Float>, _ mean: Float,
    _ divisor: Float
) {
    for place in source.indices { target[place] = (source[place] - mean) / divisor }
}
