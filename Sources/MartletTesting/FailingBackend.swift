import MartletCPU
import MartletGraph
import MartletRuntime
import MartletTensor
import Synchronization

/// The processor with a kernel, an allocation or the making of a kernel that fails on demand.
///
/// It stands in the processor's place for the rest of the process: use it in exit tests only.
package final class FailingBackend: Backend {
    /// What can fail.
    package enum Event: String, CaseIterable, Codable, Sendable {
        /// A kernel's run.
        case kernel
        /// Memory for a result, or for a plan's temporaries.
        case allocation
        /// The making of a kernel, when a plan is made.
        case preparation
    }

    /// What a failure throws.
    package struct Failure: Error, CustomStringConvertible {
        let event: Event
        package var description: String { "a \(event.rawValue) was made to fail" }
    }

    private let inner = CPUBackend.shared
    private let armed = Atomic<Int>(FailingBackend.none)
    private let kernels = Atomic<Int>(0)
    /// Events that still pass before one fails.
    private let remaining = Atomic<Int>(0)
    private let hasStruck = Atomic<Bool>(false)
    /// Part of every plan's key, so that plans can be had anew.
    private let generation = Atomic<UInt64>(0)

    private static let none = -1

    private init() {}

    /// Takes the processor's place: call it before anything else has used a tensor.
    package static func install() -> FailingBackend {
        let backend = FailingBackend()
        Backends.register(backend)
        Runtime.start()
        return backend
    }

    /// Makes the event after `count` more of its kind fail. For preparations all plans are made anew.
    package func fail(_ event: Event, after count: Int) {
        if event == .preparation { generation.add(1, ordering: .relaxed) }
        hasStruck.store(false, ordering: .relaxed)
        remaining.store(count, ordering: .relaxed)
        armed.store(Event.allCases.firstIndex(of: event) ?? Self.none, ordering: .releasing)
    }

    /// Ends it; true where something has failed.
    @discardableResult package func disarm() -> Bool {
        armed.store(Self.none, ordering: .releasing)
        return hasStruck.load(ordering: .relaxed)
    }

    /// Fails each event of `work` in turn: the first, then the second, until a run of it meets no failure any more. `check`
    /// gets what each run gave, and whether something failed in it.
    ///
    /// - Returns: how many runs failed.
    package func failEach<Setup, Output>(
        _ event: Event, prepare: () throws -> Setup, work: (Setup) throws -> Output,
        check: (Setup, Result<Output, any Error>, _ hasFailed: Bool) throws -> Void
    ) throws -> Int {
        for count in 0... {
            let setup = try prepare()
            fail(event, after: count)
            let result = Result { try work(setup) }
            let hasFailed = disarm()
            try check(setup, result, hasFailed)
            if !hasFailed { return count }
        }
        return 0
    }

    /// Kernels that were asked to run so far.
    package var kernelCount: Int { kernels.load(ordering: .relaxed) }

    private func meet(_ event: Event) throws {
        if event == .kernel { kernels.add(1, ordering: .relaxed) }
        let number = armed.load(ordering: .acquiring)
        guard number != Self.none, Event.allCases[number] == event else { return }
        guard remaining.subtract(1, ordering: .relaxed).oldValue == 0 else { return }
        hasStruck.store(true, ordering: .relaxed)
        throw Failure(event: event)
    }

    // MARK: Backend

    package var device: Device { inner.device }
    package var engineSet: UInt64 { inner.engineSet + generation.load(ordering: .relaxed) << 32 }
    package func footprint(byteCount: Int) -> Int { inner.footprint(byteCount: byteCount) }
    package func allocate(byteCount: Int) throws -> Buffer {
        try meet(.allocation)
        return try inner.allocate(byteCount: byteCount)
    }
    package func leaseArena(byteCount: Int) throws -> ArenaLease {
        try meet(.allocation)
        return try inner.leaseArena(byteCount: byteCount)
    }
    package func hasKernel(for composite: any Composite, operands: [OperandLayout]) -> Bool {
        inner.hasKernel(for: composite, operands: operands)
    }
    package func acceptsStrides(_ primitive: Primitive, operand index: Int) -> Bool {
        inner.acceptsStrides(primitive, operand: index)
    }
    package func acceptsNumber(_ primitive: Primitive, operand index: Int) -> Bool {
        inner.acceptsNumber(primitive, operand: index)
    }
    package func layouts(
        _ primitive: Primitive, operands: [OperandLayout], results: [TensorType]
    ) -> StepLayouts? {
        inner.layouts(primitive, operands: operands, results: results)
    }
    package func hasCostlyPostOperations(in dtype: DataType) -> Bool { inner.hasCostlyPostOperations(in: dtype) }

    package func donation(_ primitive: Primitive, result: Int) -> Int? { inner.donation(primitive, result: result) }
    package func run(isParallel: Bool, _ kernels: () throws -> Void) throws -> Completion {
        try inner.run(isParallel: isParallel, kernels)
    }
    package func prepare(_ step: StepDescription) throws -> any PreparedKernel {
        try meet(.preparation)
        let kernel = try inner.prepare(step)
        if let packing = kernel as? any PackingKernel { return Packing(inner: packing, backend: self) }
        return Kernel(inner: kernel, backend: self)
    }

    /// A kernel that packs an operand: memory for that is an allocation like any other.
    private final class Packing: PackingKernel {
        private let inner: any PackingKernel
        private let backend: FailingBackend
        var packedOperand: Int { inner.packedOperand }
        var packing: UInt64? { inner.packing }
        var packedByteCount: Int { inner.packedByteCount }
        var packsAnyway: Bool { inner.packsAnyway }
        var workspace: [Int] { inner.workspace }

        init(inner: any PackingKernel, backend: FailingBackend) {
            self.inner = inner
            self.backend = backend
        }

        func pack(_ operand: UnsafeMutableRawPointer) throws -> Buffer {
            try backend.meet(.allocation)
            return try inner.pack(operand)
        }

        func run(
            _ pointers: UnsafeMutablePointer<UnsafeMutableRawPointer>, _ scalars: UnsafePointer<Scalar>
        ) throws {
            try backend.meet(.allocation)
            try backend.meet(.kernel)
            try inner.run(pointers, scalars)
        }

        func run(
            _ pointers: UnsafeMutablePointer<UnsafeMutableRawPointer>, _ scalars: UnsafePointer<Scalar>,
            packed: UnsafeMutableRawPointer
        ) throws {
            try backend.meet(.kernel)
            try inner.run(pointers, scalars, packed: packed)
        }
    }

    private final class Kernel: PreparedKernel {
        private let inner: any PreparedKernel
        private let backend: FailingBackend
        var workspace: [Int] { inner.workspace }

        init(inner: any PreparedKernel, backend: FailingBackend) {
            self.inner = inner
            self.backend = backend
        }

        func run(
            _ pointers: UnsafeMutablePointer<UnsafeMutableRawPointer>, _ scalars: UnsafePointer<Scalar>
        ) throws {
            try backend.meet(.kernel)
            try inner.run(pointers, scalars)
        }
    }
}
