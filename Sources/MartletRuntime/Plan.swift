import MartletGraph

/// A fixed program: prepared kernels over leaves, an arena and the buffers of its results. It owns no memory.
///
/// `@unchecked Sendable`: immutable after it was made; kernels guard their own scratch.
package final class Plan: @unchecked Sendable {
    /// Where a pointer of a step comes from.
    struct PointerSource {
        enum Origin {
            case leaf(Int)
            case buffer(Int)
            case arena
            case scalar(Int)
            case nowhere
        }
        let origin: Origin
        let byteOffset: Int
        let terms: [View.Offset.Term]
        let elementSize: Int
    }

    struct Step {
        let kernel: any PreparedKernel
        let firstPointer: Int
        let derived: [Derived]
        let name: String
        /// The kernel again, with what it packs and may keep from run to run.
        var packing: Packing?
        /// True for a step that runs where another one packs what it makes.
        var isOnDemand = false
    }

    /// An operand that a kernel packs.
    struct Packing {
        let kernel: any PackingKernel
        let derivation: Derivation
    }

    /// A derived scalar with its pointer, where it is read from memory.
    enum Derived {
        case offset(View.Offset, to: Int)
        case scalar(Int, plus: View.Offset, to: Int)
        case memory(pointer: Int, plus: View.Offset, to: Int)
    }

    /// A result to give back.
    struct Result {
        enum Source {
            case leaf(Int)
            case buffer(Int)
        }
        let source: Source
        let offset: View.Offset
        let strides: [Int]?
        let block: Int?
    }

    let steps: [Step]
    let pointers: [PointerSource]
    let constants: [Scalar]
    let argumentCount: Int
    let buffers: [MemoryPlan.KeptBuffer]
    let results: [Result]
    package let arenaByteCount: Int
    /// Bytes of all that a run has at its fullest: what it reads, what it makes and keeps, and the arena.
    package let peakByteCount: Int
    package let descriptions: [StepDescription]
    /// Some step is large enough to be shared among threads.
    package let isParallel: Bool

    init(
        steps: [Step], pointers: [PointerSource], constants: [Scalar], argumentCount: Int, memory: MemoryPlan,
        results: [Result], descriptions: [StepDescription], passes: PlanPasses
    ) {
        self.steps = steps
        self.pointers = pointers
        self.constants = constants
        self.argumentCount = argumentCount
        buffers = memory.buffers
        arenaByteCount = memory.arenaByteCount
        peakByteCount = memory.peakByteCount
        self.results = results
        self.descriptions = descriptions
        isParallel = passes.contains(.parallelSteps) && descriptions.contains(where: \.isParallel)
    }

    /// Bytes of the results that the run makes itself.
    package var resultByteCount: Int { buffers.reduce(0) { $0 + $1.byteCount } }

    /// Bytes of the plan itself, about: its arrays, and what a prepared kernel of ours takes. The engine's kernels are its
    /// own cache's to count.
    package var byteCount: Int {
        let operands = descriptions.reduce(0) { $0 + $1.inputs.count + $1.outputs.count }
        return steps.count * (MemoryLayout<Step>.stride + MemoryLayout<StepDescription>.stride + Plan.kernelByteCount)
            + pointers.count * MemoryLayout<PointerSource>.stride
            + operands * (MemoryLayout<OperandDescription>.stride + Plan.shapeByteCount)
            + results.count * MemoryLayout<Result>.stride
    }

    private static let kernelByteCount = 512
    /// Sizes and strides of an operand, as arrays of their own.
    private static let shapeByteCount = 128

    /// Runs the program. Leaves that the structure replaces are overwritten where the caller's reference is the last one.
    ///
    /// - Returns: the results, and when they are there.
    package func run(
        leaves: inout [Realized], arguments: [Scalar], on backend: any Backend
    ) throws -> (results: [Realized], completion: Completion) {
        let clock = Profiling.isOn ? RunClock(kernelCount: steps.count) : nil
        defer { clock?.finish(self) }
        var leafAddresses: [UnsafeMutableRawPointer] = []
        leafAddresses.reserveCapacity(leaves.count)
        for leaf in leaves { leafAddresses.append(leaf.buffer.address) }
        var owned: [Buffer] = []
        owned.reserveCapacity(buffers.count)
        for kept in buffers {
            if let donor = kept.donor, leaves[donor].strides == nil, leaves[donor].offset == 0,
                leaves[donor].buffer.byteCount == kept.byteCount, !leaves[donor].buffer.isBorrowed,
                isKnownUniquelyReferenced(&leaves[donor].buffer) || PlannedBug.planted == .stolenLeaf
            {
                if PlannedBug.planted != .stalePack { leaves[donor].buffer.beginGeneration() }
                owned.append(leaves[donor].buffer)
            } else {
                owned.append(try backend.allocate(byteCount: kept.byteCount))
            }
        }
        let lease = arenaByteCount > 0 ? try backend.leaseArena(byteCount: arenaByteCount) : nil
        let completion = try withExtendedLifetime(lease) {
            try backend.run(isParallel: isParallel) {
                try runSteps(
                    leaves, leafAddresses, owned, arena: lease?.address, arguments: arguments, on: backend, clock)
            }
        }
        let made = results.map { result in
            let scalarOffset =
                result.offset.constant + result.offset.terms.reduce(0) { $0 + arguments[$1.scalar].integer * $1.stride }
            switch result.source {
            case .leaf(let index):
                return Realized(
                    buffer: leaves[index].buffer, offset: leaves[index].offset + scalarOffset, strides: result.strides,
                    block: result.block)
            case .buffer(let index):
                return Realized(
                    buffer: owned[index], offset: scalarOffset, strides: result.strides, block: result.block)
            }
        }
        return (made, completion)
    }

    private func runSteps(
        _ leaves: [Realized], _ leafAddresses: [UnsafeMutableRawPointer], _ owned: [Buffer],
        arena: UnsafeMutableRawPointer?, arguments: [Scalar], on backend: any Backend,
        _ clock: RunClock?
    ) throws {
        try withUnsafeTemporaryAllocation(of: Scalar.self, capacity: argumentCount + constants.count + 1) { scalars in
            for index in 0..<argumentCount { scalars[index] = arguments[index] }
            for index in constants.indices { scalars[argumentCount + index] = constants[index] }
            guard let scalarBase = scalars.baseAddress else { return }
            try withUnsafeTemporaryAllocation(of: UnsafeMutableRawPointer.self, capacity: pointers.count + 1) { table in
                guard let tableBase = table.baseAddress else { return }
                for index in pointers.indices {
                    let source = pointers[index]
                    var offset = source.byteOffset
                    for term in source.terms {
                        offset += scalars[term.scalar].integer * term.stride * source.elementSize
                    }
                    let base: UnsafeMutableRawPointer
                    switch source.origin {
                    case .leaf(let leaf): base = leafAddresses[leaf] + leaves[leaf].offset * source.elementSize
                    case .buffer(let buffer): base = owned[buffer].address
                    case .arena: base = arena ?? Plan.nowhere
                    case .scalar(let scalar): base = UnsafeMutableRawPointer(scalarBase + scalar)
                    case .nowhere: base = Plan.nowhere
                    }
                    table[index] = base + offset
                }
                if let clock {
                    clock.enter()
                    for step in steps {
                        try clock.time {
                            if !step.isOnDemand { try run(step, leaves, scalarBase, tableBase, on: backend) }
                        }
                    }
                } else {
                    for index in steps.indices where !steps[index].isOnDemand {
                        try run(steps[index], leaves, scalarBase, tableBase, on: backend)
                    }
                }
            }
        }
    }

    @inline(__always)
    private func run(
        _ step: Step, _ leaves: [Realized], _ scalars: UnsafeMutablePointer<Scalar>,
        _ table: UnsafeMutablePointer<UnsafeMutableRawPointer>, on backend: any Backend
    ) throws {
        for derived in step.derived { try fill(derived, scalars, table, backend) }
        let pointers = table + step.firstPointer
        guard let packing = step.packing else {
            try step.kernel.run(pointers, UnsafePointer(scalars))
            return
        }
        let derivation = packing.derivation
        let makeOperand = {
            for index in derivation.steps { try self.run(self.steps[index], leaves, scalars, table, on: backend) }
        }
        let isLent = derivation.leaves.contains { leaves[$0].buffer.isBorrowed }
        guard !isLent, let packed = try packed(packing, leaves, pointers, UnsafePointer(scalars), makeOperand) else {
            try makeOperand()
            try step.kernel.run(pointers, UnsafePointer(scalars))
            return
        }
        try withExtendedLifetime(packed) {
            try packing.kernel.run(pointers, UnsafePointer(scalars), packed: packed.address)
        }
    }

    /// A kernel's packed operand: made once for as long as the leaves behind it stay what they are; nil where it is not worth it
    /// yet.
    private func packed(
        _ packing: Packing, _ leaves: [Realized], _ pointers: UnsafeMutablePointer<UnsafeMutableRawPointer>,
        _ scalars: UnsafePointer<Scalar>, _ makeOperand: () throws -> Void
    ) throws -> Buffer? {
        let derivation = packing.derivation
        let owner = leaves[derivation.leaves[0]]
        let key = DerivedKey(
            kind: packing.kernel.packing ?? 0, offset: owner.offset, derivation: derivation.identity)
        let basis = DerivedBasis(
            others: derivation.leaves.dropFirst().map { leaves[$0] }, numbers: derivation.arguments.map { scalars[$0] })
        return try owner.buffer.derived(key, basis, atOnce: packing.kernel.packsAnyway) {
            try makeOperand()
            return try packing.kernel.pack(pointers[packing.kernel.packedOperand])
        }
    }

    private func fill(
        _ derived: Derived, _ scalars: UnsafeMutablePointer<Scalar>,
        _ table: UnsafeMutablePointer<UnsafeMutableRawPointer>, _ backend: any Backend
    ) throws {
        func value(_ offset: View.Offset) -> Int {
            offset.constant + offset.terms.reduce(0) { $0 + scalars[$1.scalar].integer * $1.stride }
        }
        switch derived {
        case .offset(let offset, let target): scalars[target] = Scalar(value(offset))
        case .scalar(let source, let offset, let target):
            scalars[target] = Scalar(scalars[source].integer &+ value(offset))
        case .memory(let pointer, let offset, let target):
            var element = 0
            try withUnsafeMutableBytes(of: &element) { bytes in
                guard let host = bytes.baseAddress else { return }
                try backend.copyToHost(table[pointer], host, byteCount: bytes.count)
            }
            scalars[target] = Scalar(element &+ value(offset))
        }
    }

    /// The address of values without elements.
    nonisolated(unsafe) private static let nowhere = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 64)
}

/// Collects steps and their pointers into a plan.
struct PlanAssembly {
    private var graph: PlanGraph
    private let memory: MemoryPlan
    private let passes: PlanPasses
    private var steps: [Plan.Step] = []
    private var pointers: [Plan.PointerSource] = []
    private var descriptions: [StepDescription] = []

    init(graph: PlanGraph, memory: MemoryPlan, passes: PlanPasses) {
        self.graph = graph
        self.memory = memory
        self.passes = passes
    }

    mutating func add(
        _ step: Planner.Step, _ prepared: Planner.Prepared, packing: Plan.Packing?, isOnDemand: Bool
    ) {
        let first = pointers.count
        for operand in step.inputs { pointers.append(source(operand.view, operand.type.dtype)) }
        for base in step.outputs {
            pointers.append(source(View(base: base, strides: [], offset: .init()), graph.bases[base].type.dtype))
        }
        let derived = step.derived.map { scalar -> Plan.Derived in
            switch scalar {
            case .offset(let offset, let target): return .offset(offset, to: target)
            case .element(let view, let plus, let target):
                if case .scalar(let reference) = graph.bases[view.base].kind {
                    return .scalar(graph.scalarIndex(reference), plus: plus, to: target)
                }
                pointers.append(source(view, .int64))
                return .memory(pointer: pointers.count - 1, plus: plus, to: target)
            }
        }
        steps.append(
            Plan.Step(
                kernel: prepared.kernel, firstPointer: first, derived: derived, name: prepared.description.name,
                packing: packing, isOnDemand: isOnDemand))
        var description = prepared.description
        description.method = (prepared.kernel as? any DescribedKernel)?.method
        description.isOnDemand = isOnDemand
        descriptions.append(description)
    }

    private mutating func source(_ view: View, _ dtype: DataType) -> Plan.PointerSource {
        let size = dtype.byteCount
        if case .scalar(let reference) = graph.bases[view.base].kind {
            return Plan.PointerSource(
                origin: .scalar(graph.scalarIndex(reference)), byteOffset: 0, terms: [], elementSize: size)
        }
        var constant = view.offset.constant * size
        let origin: Plan.PointerSource.Origin
        switch memory.places[view.base] {
        case .leaf(let index): origin = .leaf(index)
        case .buffer(let index): origin = .buffer(index)
        case .arena(let offset):
            origin = .arena
            constant += offset
        case .nowhere: origin = .nowhere
        }
        let terms = PlannedBug.planted == .fixedSliceStart ? [] : view.offset.terms
        return Plan.PointerSource(origin: origin, byteOffset: constant, terms: terms, elementSize: size)
    }

    func finish(kept: [PlanGraph.Operand]) -> Plan {
        let results = kept.map { operand -> Plan.Result in
            let strides = operand.isContiguous ? nil : operand.view.strides
            let block = operand.block
            switch memory.places[operand.view.base] {
            case .leaf(let index):
                return Plan.Result(
                    source: .leaf(index), offset: operand.view.offset, strides: strides, block: block)
            case .buffer(let index):
                return Plan.Result(
                    source: .buffer(index), offset: operand.view.offset, strides: strides, block: block)
            case .arena, .nowhere: stop("a result that is kept has no memory of its own")
            }
        }
        return Plan(
            steps: steps, pointers: pointers, constants: graph.constants, argumentCount: graph.argumentCount,
            memory: memory, results: results, descriptions: descriptions, passes: passes)
    }
}

extension StepDescription {
    /// The step's name in logs and profiles.
    package var name: String {
        switch work {
        case .primitive(let primitive, _):
            return repetitions > 1 ? "\(primitive.family.name) ×\(repetitions)" : primitive.family.name
        case .fused(let kernel):
            let operations = kernel.instructions.map { instruction -> String in
                switch instruction.operation {
                case .unary(let function): function.row.name
                case .binary(let function): function.row.name
                case .select: "where"
                case .cast: "cast"
                }
            }
            let reductions = kernel.outputs.compactMap(\.reduction).map { "\($0)" }
            let name = "fused(" + (operations + reductions).joined(separator: " ") + ")"
            return repetitions > 1 ? "\(name) ×\(repetitions)" : name
        }
    }
}
