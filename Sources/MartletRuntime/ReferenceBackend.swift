import MartletGraph

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A device that evaluates every primitive by its own rule, in slow, plain Swift: a second opinion on every other backend.
///
/// It fuses nothing and has no kernel for a composite, so that bodies run. Its memory is the host's under addresses that the
/// host cannot read: whoever takes a device's memory for the processor's stops there and then.
package final class ReferenceBackend: Backend {
    package static let shared = ReferenceBackend()
    private init() {}

    package let device = Device.reference
    package let engineSet: UInt64 = 1 << 63
    package let fusesSteps = false

    package func allocate(byteCount: Int) throws -> Buffer { try ReferenceBuffer(byteCount: byteCount) }

    package func leaseArena(byteCount: Int) throws -> ArenaLease {
        let buffer = try ReferenceBuffer(byteCount: byteCount)
        return ArenaLease(address: buffer.address) { withExtendedLifetime(buffer) {} }
    }

    package func copyToHost(_ address: UnsafeRawPointer, _ host: UnsafeMutableRawPointer, byteCount: Int) throws {
        host.copyMemory(
            from: ReferenceAddress.host(UnsafeMutableRawPointer(mutating: address)), byteCount: byteCount)
    }

    package func copyFromHost(_ host: UnsafeRawPointer, _ address: UnsafeMutableRawPointer, byteCount: Int) throws {
        ReferenceAddress.host(address).copyMemory(from: host, byteCount: byteCount)
    }

    package func hasKernel(for composite: any Composite, operands: [OperandLayout]) -> Bool { false }
    package func acceptsStrides(_ primitive: Primitive, operand index: Int) -> Bool { false }
    package func acceptsNumber(_ primitive: Primitive, operand index: Int) -> Bool { false }
    package func layouts(_ primitive: Primitive, operands: [OperandLayout], results: [TensorType]) -> StepLayouts? {
        nil
    }
    package func hasCostlyPostOperations(in dtype: DataType) -> Bool { false }

    package func donation(_ primitive: Primitive, result: Int) -> Int? { nil }
    package func prepare(_ step: StepDescription) throws -> any PreparedKernel { ReferenceKernel(step) }
    package func run(isParallel: Bool, _ kernels: () throws -> Void) throws -> Completion {
        try kernels()
        return .done
    }
}

/// Addresses of the reference device: the host's with a bit set that no address of the host's has.
enum ReferenceAddress {
    private static let mark: UInt = 1 << 62

    static func device(_ host: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
        UnsafeMutableRawPointer(bitPattern: UInt(bitPattern: host) | mark) ?? host
    }

    /// The host's address; one that is the host's already (a number of the run) stays what it is.
    static func host(_ device: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
        UnsafeMutableRawPointer(bitPattern: UInt(bitPattern: device) & ~mark) ?? device
    }
}

/// Memory of the reference device.
private final class ReferenceBuffer: Buffer, @unchecked Sendable {
    init(byteCount: Int) throws {
        var block: UnsafeMutableRawPointer?
        guard posix_memalign(&block, 64, max(64, byteCount)) == 0, let block else {
            throw ReferenceMemoryError(requested: byteCount)
        }
        super.init(address: ReferenceAddress.device(block), byteCount: byteCount, device: .reference)
    }

    deinit { free(ReferenceAddress.host(address)) }
}

/// There was no memory for a result of the reference device.
struct ReferenceMemoryError: Error, CustomStringConvertible {
    let requested: Int
    var description: String { "out of memory: \(requested) bytes were asked for on the reference device" }
}
