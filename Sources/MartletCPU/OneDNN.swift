import CEngines
import CMartletKernels
import MartletGraph
import MartletRuntime

/// oneDNN, found at run time: kernels by description, each made once and shared by all plans.
///
/// `@unchecked Sendable`: the table of kernels is touched under `lock` only.
package final class OneDNN: @unchecked Sendable {
    /// The engine where one was found, nil where none was: `report` says what was tried.
    package static let shared: OneDNN? = ce_dnnl_load(nil) ? OneDNN() : nil

    /// What was looked for and why it did not serve, a line a place.
    package static var report: String { String(cString: ce_dnnl_report()) }

    package let version: String
    /// The instruction set it generates code for.
    package let instructionSet: String
    /// The file that serves.
    package let path: String
    package let hasBFloat16: Bool
    /// True where the processor multiplies 8-bit integers and adds them up in 32 (VNNI, AMX).
    let hasBytes: Bool
    /// True where it multiplies bfloat16 in tiles (AMX): its kernels for that want all channels side by side.
    package let hasTiles: Bool
    let gompParallel: UnsafeMutableRawPointer?
    let gompThreadNumber: UnsafeMutableRawPointer?

    private let lock = Lock()
    private var operations: [Description: EngineOperation?] = [:]
    /// Bytes of kernels kept; the whole table is dropped when they are more, plans keep theirs.
    private static let byteBound = 256 << 20
    /// Bytes of a kernel, which the engine does not tell: resident memory grew by 90 KB a matrix product.
    private static let kernelByteCount = 96 << 10

    private init() {
        version = ce_dnnl_version().map { String(cString: $0) } ?? "unknown"
        instructionSet = ce_dnnl_isa().map { String(cString: $0) } ?? "unknown"
        path = ce_dnnl_path().map { String(cString: $0) } ?? ""
        hasBFloat16 =
            instructionSet.contains("bf16") || instructionSet.contains("amx") || instructionSet.contains("fp16")
        hasBytes = hasBFloat16 || instructionSet.contains("vnni")
        hasTiles = instructionSet.contains("amx")
        gompParallel = ce_dnnl_gomp_parallel()
        gompThreadNumber = ce_dnnl_gomp_thread_number()
        ce_dnnl_set_threads(mk_parallel_threads())
    }

    /// What a kernel is chosen by: never the plan around it.
    struct Description: Hashable {
        let primitive: Primitive
        let operands: [TensorType]
        let layouts: [Int?]
    }

    /// The kernel of a description, made where it is met first; nil where the engine has none.
    func operation(
        _ description: Description, make: (UnsafeMutablePointer<OpaquePointer?>) -> ce_status
    ) -> EngineOperation? {
        if let known = lock.withLock({ operations[description] }) { return known }
        var pointer: OpaquePointer?
        let made = make(&pointer) == CE_OK ? pointer.map { EngineOperation($0) } : nil
        return lock.withLock {
            if operations.count * Self.kernelByteCount >= Self.byteBound { operations.removeAll() }
            operations[description] = .some(made)
            return made
        }
    }

    /// True where its convolutions of a type are quickest with all channels side by side, else in blocks of 16. Measured with
    /// tiles: 8 times as quick in bfloat16, the same in float32.
    package func putsChannelsLast(_ dtype: DataType) -> Bool { dtype == .bfloat16 && hasTiles }

    /// True where it computes products and convolutions of this type quickly.
    package func serves(_ dtype: DataType) -> Bool {
        switch dtype {
        case .float32: true
        case .bfloat16: hasBFloat16
        case .int8, .uint8: hasBytes
        case .float64, .float16, .int32, .int64, .bool: false
        }
    }
}

/// One of the engine's kernels.
///
/// `@unchecked Sendable`: the engine's operations may be run by several threads at once (`ce_operation`).
final class EngineOperation: @unchecked Sendable {
    private let pointer: OpaquePointer
    let scratchpadByteCount: Int

    init(_ pointer: OpaquePointer) {
        self.pointer = pointer
        scratchpadByteCount = ce_operation_scratchpad_bytes(pointer)
    }

    deinit { ce_operation_free(pointer) }

    /// How the operand in `slot` lies in memory.
    func layout(_ slot: Int) -> OpaquePointer? { ce_operation_layout(pointer, Int32(slot)) }

    /// Runs on pointers indexed by slot.
    func run(_ pointers: UnsafePointer<UnsafeMutableRawPointer?>, _ backend: CPUBackend) throws {
        let scratchpad = scratchpadByteCount > 0 ? try backend.leaseArena(byteCount: scratchpadByteCount) : nil
        let status = withExtendedLifetime(scratchpad) { ce_operation_run(pointer, pointers, scratchpad?.address) }
        guard status == CE_OK else { throw EngineError(message: String(cString: ce_message())) }
    }
}

/// The engine failed while it ran.
package struct EngineError: Error, CustomStringConvertible {
    package let message: String
    package var description: String { "oneDNN: \(message)" }
}

/// A reorder between an engine's own layout and the plain one of the same sizes.
struct EngineReorder: Sendable {
    private let operation: EngineOperation
    /// Bytes of the engine's side.
    let byteCount: Int

    /// Nil where the layout is plain already.
    init?(_ layout: OpaquePointer?, toPlain: Bool) {
        guard let layout, !ce_layout_is_plain(layout) else { return nil }
        var plain: OpaquePointer?
        guard ce_layout_make_plain_like(layout, -1, &plain) == CE_OK, let plain else { return nil }
        defer { ce_layout_free(plain) }
        var made: OpaquePointer?
        let status = toPlain ? ce_reorder_make(layout, plain, &made) : ce_reorder_make(plain, layout, &made)
        guard status == CE_OK, let made else { return nil }
        operation = EngineOperation(made)
        byteCount = ce_layout_bytes(layout)
    }

    /// From a matrix with these strides; nil where the layout is that already.
    init?(_ layout: OpaquePointer?, fromMatrix sizes: (Int, Int), strides: (Int, Int), _ dtype: DataType) {
        guard let layout else { return nil }
        var source: OpaquePointer?
        let (sizes, strides) = ([Int64(sizes.0), Int64(sizes.1)], [Int64(strides.0), Int64(strides.1)])
        guard ce_layout_make_strided(Int32(dtype.rawValue), 2, sizes, strides, &source) == CE_OK, let source else {
            return nil
        }
        defer { ce_layout_free(source) }
        var made: OpaquePointer?
        guard !ce_layout_equal(source, layout), ce_reorder_make(source, layout, &made) == CE_OK, let made else {
            return nil
        }
        operation = EngineOperation(made)
        byteCount = ce_layout_bytes(layout)
    }

    func run(from source: UnsafeMutableRawPointer, to target: UnsafeMutableRawPointer, _ backend: CPUBackend) throws {
        try withUnsafeTemporaryAllocation(of: UnsafeMutableRawPointer?.self, capacity: 2) { table in
            table[0] = source
            table[1] = target
            if let base = table.baseAddress { try operation.run(base, backend) }
        }
    }
}
