import MartletGraph
import MartletRuntime

extension Tensor {
    /// The one element, as Float: runs what is pending. Stops where there is not exactly one, or where it does not fit a
    /// Float exactly as an integer (then use `item(as:)`).
    public func item() -> Float {
        let number = onlyNumber("item()")
        if case .integer(let integer) = number, Int(exactly: Float(integer)) != integer {
            stop("item(): \(integer) does not fit a Float exactly; use item(as: Int.self)")
        }
        return Float(number.real)
    }

    /// The one element, as the type named.
    public func item<S: TensorScalar>(as type: S.Type) -> S { S(tensorNumber: onlyNumber("item(as:)")) }

    /// The one element, without blocking the thread where the device computes elsewhere. The processor computes before this
    /// returns, on the thread that asks or beside it.
    public func value() async throws -> Float {
        Runtime.start()
        try await Flush.run(value).wait()
        return try readNumber("value()").real.asFloat
    }

    /// The one element, as the type named; throws where what is pending cannot be computed.
    package func checkedItem<S: TensorScalar>(as type: S.Type) throws -> S {
        S(tensorNumber: try readNumber("checkedItem(as:)"))
    }

    /// The elements in row-major order, as the type named; throws where what is pending cannot be computed.
    package func checkedArray<S: TensorScalar>(as type: S.Type) throws -> [S] {
        try withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress else { return [] }
            if S.dataType == dtype {
                return Array(UnsafeBufferPointer(start: base.assumingMemoryBound(to: S.self), count: elementCount))
            }
            return (0..<elementCount).map { S(tensorNumber: dtype.number(base, $0)) }
        }
    }

    /// The elements in row-major order, as Floats: runs what is pending.
    public func array() -> [Float] { array(as: Float.self) }

    /// The elements in row-major order, as the type named.
    public func array<S: TensorScalar>(as type: S.Type) -> [S] {
        do { return try checkedArray(as: type) } catch { stop("array(): \(error)") }
    }

    private func onlyNumber(_ operation: String) -> TensorNumber {
        do { return try readNumber(operation) } catch { stop("\(operation): \(error)") }
    }

    private func readNumber(_ operation: String) throws -> TensorNumber {
        guard elementCount == 1 else { stop("\(operation): needs exactly one element, the shape is \(shape)") }
        var realized = try realized()
        if realized.buffer.device != .cpu { realized = try Transfer.onHost(realized, value.type) }
        return dtype.number(UnsafeRawPointer(realized.buffer.address), realized.offset)
    }
}

extension DataType {
    /// Element `index` of an array of this type.
    package func number(_ base: UnsafeRawPointer, _ index: Int) -> TensorNumber {
        switch self {
        case .float32, .float64, .bfloat16, .float16: .real(loadReal(base, index))
        case .int8, .uint8, .int32, .int64: .integer(loadInteger(base, index))
        case .bool: .boolean(loadInteger(base, index) != 0)
        }
    }
}

extension Double {
    var asFloat: Float { Float(self) }
}

extension Bool {
    /// The truth of a one-element tensor: runs what is pending.
    public init(_ tensor: Tensor) { self = tensor.item(as: Bool.self) }
}
