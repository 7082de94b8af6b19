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
}
