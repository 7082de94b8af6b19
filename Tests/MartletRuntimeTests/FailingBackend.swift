import MartletCPU
import MartletGraph
import MartletRuntime
import Synchronization

/// The processor with a kernel that fails on demand.
final class FailingBackend: Backend {
    private let inner = CPUBackend.shared
    /// Kernels that still run before one fails; negative where none fails.
    private let remaining = Atomic<Int>(-1)

    /// Makes the kernel after `count` more fail; nil ends it.
    func failKernel(after count: Int?) { remaining.store(count ?? -1, ordering: .relaxed) }

    struct KernelError: Error {}

    var device: Device { inner.device }
    var engineSet: UInt64 { inner.engineSet }
    func allocate(byteCount: Int) throws -> Buffer { try inner.allocate(byteCount: byteCount) }
    func hasKernel(for composite: any Composite, operands: [OperandLayout]) -> Bool {
        inner.hasKernel(for: composite, operands: operands)
    }
    func acceptsStrides(_ primitive: Primitive, operand index: Int) -> Bool {
        inner.acceptsStrides(primitive, operand: index)
    }
    func layouts(_ primitive: Primitive, operands: [OperandLayout], results: [TensorType]) -> StepLayouts? {
        inner.layouts(primitive, operands: operands, results: results)
    }
    func donation(_ primitive: Primitive, result: Int) -> Int? { inner.donation(primitive, result: result) }
    func leaseArena(byteCount: Int) throws -> ArenaLease { try inner.leaseArena(byteCount: byteCount) }
    func run(isParallel: Bool, _ kernels: () throws -> Void) throws -> Completion {
        try inner.run(isParallel: isParallel, kernels)
    }
    func prepare(_ step: StepDescription) throws -> any PreparedKernel {
        Kernel(inner: try inner.prepare(step), backend: self)
    }

    private final class Kernel: PreparedKernel {
        let inner: any PreparedKernel
        let backend: FailingBackend

        init(inner: any PreparedKernel, backend: FailingBackend) {
            self.inner = inner
            self.backend = backend
        }

        func run(
            _ pointers: UnsafeMutablePointer<UnsafeMutableRawPointer>, _ scalars: UnsafePointer<Scalar>
        ) throws {
            let left = backend.remaining.load(ordering: .relaxed)
            if left == 0 { throw KernelError() }
            if left > 0 { backend.remaining.store(left - 1, ordering: .relaxed) }
            try inner.run(pointers, scalars)
        }
    }
}
