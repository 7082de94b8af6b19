import MartletGraph

/// The device memory that a run of a plan takes besides its leaves, in bytes as the device's pool counts them: known before
/// anything runs.
package struct PlanMemory: Sendable {
    /// For each result that the run makes in memory of its own: which result it is first, and its bytes. Those that take over a
    /// leaf's memory are none.
    package let made: [(result: Int, byteCount: Int)]
    /// The arena of temporaries.
    package let temporaries: Int
    /// The most that one kernel leases for itself while it runs.
    package let workspace: Int
    /// Leaves' packed forms, and what is computed from leaves once, that are kept from run to run.
    package let packed: Int
    /// Values that a program took from outside when it was traced.
    package let captured: Int

    init(_ plan: Plan, captured: [Realized], on backend: any Backend) {
        var owners: [Int: Int] = [:]
        for (index, result) in plan.results.enumerated() {
            if case .buffer(let buffer) = result.source, owners[buffer] == nil { owners[buffer] = index }
        }
        made = plan.buffers.enumerated().compactMap { index, buffer in
            guard buffer.donor == nil, let owner = owners[index] else { return nil }
            return (owner, backend.footprint(byteCount: buffer.byteCount))
        }
        temporaries = plan.arenaByteCount > 0 ? backend.footprint(byteCount: plan.arenaByteCount) : 0
        workspace =
            plan.steps.map { step in
                var stretches = step.kernel.workspace
                if step.packing == nil, let kernel = step.kernel as? any PackingKernel, kernel.packsAnyway {
                    stretches.append(kernel.packedByteCount)
                }
                return stretches.reduce(0) { $0 + ($1 > 0 ? backend.footprint(byteCount: $1) : 0) }
            }.max() ?? 0
        var forms: [PackedForm: Int] = [:]
        for step in plan.steps {
            guard let packing = step.packing, let number = packing.kernel.packing else { continue }
            let form = PackedForm(
                leaf: packing.derivation.leaves[0], packing: number, derivation: packing.derivation.identity)
            forms[form] = backend.footprint(byteCount: packing.kernel.packedByteCount)
        }
        // What is computed once from parameters is kept beside them.
        packed =
            forms.values.reduce(0, +)
            + plan.foldings.reduce(0) { $0 + backend.footprint(byteCount: $1.byteCount) }
        self.captured = captured.reduce(0) { $0 + backend.footprint(byteCount: $1.buffer.byteCount) }
    }
}

/// A leaf's elements in one of the layouts that kernels pack them into.
private struct PackedForm: Hashable {
    let leaf: Int
    let packing: UInt64
    let derivation: Int
}
