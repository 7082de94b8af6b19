import MartletGraph

/// A backend as the planner sees it where some passes are left out: it has no kernel for a composite, asks for no layout or takes
/// no operand's memory, as the passes say.
final class PassFilter: Backend {
    private let base: any Backend
    private let passes: PlanPasses

    private init(_ base: any Backend, _ passes: PlanPasses) { (self.base, self.passes) = (base, passes) }

    /// The backend itself where all passes run.
    static func filtered(_ backend: any Backend, _ passes: PlanPasses) -> any Backend {
        passes == .all ? backend : PassFilter(backend, passes)
    }

    var device: Device { base.device }
    var engineSet: UInt64 { base.engineSet }
    var fusesSteps: Bool { base.fusesSteps && passes.contains(.fusion) }

    func hasKernel(for composite: any Composite, operands: [OperandLayout]) -> Bool {
        guard passes.contains(.compositeKernels), base.hasKernel(for: composite, operands: operands) else {
            return false
        }
        // A kernel that takes its operands in blocks only goes with them.
        return passes.contains(.layout)
            || base.layouts(.composite(CompositeCall(composite)), operands: operands, results: []) == nil
    }

    func layouts(_ primitive: Primitive, operands: [OperandLayout], results: [TensorType]) -> StepLayouts? {
        passes.contains(.layout) ? base.layouts(primitive, operands: operands, results: results) : nil
    }

    func hasCostlyPostOperations(in dtype: DataType) -> Bool { base.hasCostlyPostOperations(in: dtype) }

    func donation(_ primitive: Primitive, result: Int) -> Int? {
        passes.contains(.donation) ? base.donation(primitive, result: result) : nil
    }

    func acceptsStrides(_ primitive: Primitive, operand index: Int) -> Bool {
        base.acceptsStrides(primitive, operand: index)
    }
    func acceptsNumber(_ primitive: Primitive, operand index: Int) -> Bool {
        base.acceptsNumber(primitive, operand: index)
    }
    func allocate(byteCount: Int) throws -> Buffer { try base.allocate(byteCount: byteCount) }
    func copyToHost(_ address: UnsafeRawPointer, _ host: UnsafeMutableRawPointer, byteCount: Int) throws {
        try base.copyToHost(address, host, byteCount: byteCount)
    }
    func copyFromHost(_ host: UnsafeRawPointer, _ address: UnsafeMutableRawPointer, byteCount: Int) throws {
        try base.copyFromHost(host, address, byteCount: byteCount)
    }
    func prepare(_ step: StepDescription) throws -> any PreparedKernel { try base.prepare(step) }
    func leaseArena(byteCount: Int) throws -> ArenaLease { try base.leaseArena(byteCount: byteCount) }
    func run(isParallel: Bool, _ kernels: () throws -> Void) throws -> Completion {
        try base.run(isParallel: isParallel, kernels)
    }
}
