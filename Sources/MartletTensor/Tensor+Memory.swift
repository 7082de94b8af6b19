import MartletCPU
import MartletGraph
import MartletRuntime

extension Tensor {
    /// A vector of an array's elements, in the array's own type (`[Int]` gives int64, `[Double]` float64).
    @_disfavoredOverload
    public init<S: TensorScalar>(_ elements: [S]) { self.init(elements, shape: [elements.count]) }

    /// A scalar in the number's own type.
    @_disfavoredOverload
    public init<S: TensorScalar>(_ number: S) { self.init([number], shape: []) }

    /// Elements in row-major order under a shape, converted to `dtype` where one is given.
    public init<S: TensorScalar>(_ elements: [S], shape: Shape, dtype: DataType? = nil) {
        guard shape.checkedElementCount == elements.count else {
            stop("Tensor(_:shape:): \(elements.count) elements do not fill \(shape)")
        }
        let made = elements.withUnsafeBytes { bytes in
            Tensor(copying: bytes, type: TensorType(shape, S.dataType))
        }
        self = dtype.map { made.to(dtype: $0) } ?? made
    }

    /// A copy of memory that holds elements of `type`, contiguous and row-major.
    package init(copying bytes: UnsafeRawBufferPointer, type: TensorType) {
        self.init(filling: type) { if type.byteCount > 0 { $0.copyMemory(from: bytes) } }
    }

    /// New memory for elements of `type`, contiguous and row-major, which `fill` writes whole.
    package init(filling type: TensorType, _ fill: (UnsafeMutableRawBufferPointer) throws -> Void) rethrows {
        let buffer: Buffer
        do { buffer = try CPUBackend.shared.allocate(byteCount: type.byteCount) } catch { stop("Tensor: \(error)") }
        try fill(UnsafeMutableRawBufferPointer(start: buffer.address, count: type.byteCount))
        Runtime.start()
        self = Tensor(Value.leaf(Realized(buffer: buffer), type, device: nil)).placed
    }

    /// The user's own memory as a tensor, without a copy: elements of `dtype`, contiguous and row-major.
    ///
    /// `release` is called when no tensor refers to the memory any more. The memory must not change until then.
    public init(
        borrowing address: UnsafeMutableRawPointer, shape: Shape, dtype: DataType, release: @escaping () -> Void = {}
    ) {
        guard let count = shape.checkedElementCount else { stop("Tensor(borrowing:): \(shape) is no shape") }
        let buffer = BorrowedBuffer(address: address, byteCount: count * dtype.byteCount, release: release)
        Runtime.start()
        self = Tensor(Value.leaf(Realized(buffer: buffer), TensorType(shape, dtype), device: nil)).placed
    }

    /// Calls `body` with the elements in host memory, contiguous and row-major, without a copy where they lie so already.
    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
        let realized = try contiguousOnHost()
        let bytes = UnsafeRawBufferPointer(
            start: realized.buffer.address + realized.offset * dtype.byteCount, count: value.type.byteCount)
        return try withExtendedLifetime(realized) { try body(bytes) }
    }

    /// The value in host memory, contiguous: runs what is pending.
    package func contiguousOnHost() throws -> Realized {
        try Transfer.onHost(try Transfer.contiguous(try realized(), value.type), value.type)
    }

    /// The value as a program takes it: plain, and on the program's device.
    func realized(for program: Program) throws -> Realized {
        let realized = try realized()
        if realized.isPlain, realized.buffer.device == program.device { return realized }
        return try program.placed(try Transfer.contiguous(realized, value.type), value.type)
    }

    /// The value as it lies in memory: runs what is pending.
    @inline(__always)
    func realized() throws -> Realized {
        // The handle holds its node: no references are counted here.
        unowned(unsafe) let node = handle.value.node
        if let made = node.realized(handle.value.index) { return made }
        try Flush.run(value)
        guard let realized = value.node.realized(value.index) else {
            throw FlushError.lost(value.node.primitive.family.name)
        }
        return realized
    }
}
