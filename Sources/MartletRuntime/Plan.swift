import MartletGraph

/// A fixed program: prepared kernels over leaves, an arena and the buffers of its results. It owns no memory.
///
/// `@unchecked Sendable`: immutable after it was made; kernels guard their own scratch.
package final class Plan: @unchecked Sendable {
    /// Where a pointer of a step comes from. Nothing here is counted: a run goes through all of them.
    struct PointerSource {
        enum Origin {
            case leaf(Int)
            case buffer(Int)
            case arena
            /// What a unit of `ConstantFolding` keeps.
            case folded(Int)
            case scalar(Int)
            case nowhere
        }
        let origin: Origin
        let byteOffset: Int
        let elementSize: Int
    }

    /// A pointer that numbers of the run move.
    struct MovingPointer {
        let pointer: Int
        let terms: [View.Offset.Term]
    }

    /// A class, so that a run borrows it.
    final class Step {
        let kernel: any PreparedKernel
        let firstPointer: Int
        let derived: [Derived]
        /// The kernel again, with what it packs and may keep from run to run.
        let packing: Packing?
        /// True for a step that runs where another one packs what it makes.
        let isOnDemand: Bool
        /// The unit of `ConstantFolding` that it is part of: it runs where that is not kept.
        var folding: Int?

        init(
            kernel: any PreparedKernel, firstPointer: Int, derived: [Derived], packing: Packing?, isOnDemand: Bool
        ) {
            self.kernel = kernel
            self.firstPointer = firstPointer
            self.derived = derived
            self.packing = packing
            self.isOnDemand = isOnDemand
        }
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

        /// The result among a run's leaves and own buffers.
        func realized(_ leaves: [Realized], _ owned: [Buffer], _ arguments: [Scalar]) -> Realized {
            var first = offset.constant
            for term in offset.terms { first += arguments[term.scalar].integer * term.stride }
            switch source {
            case .leaf(let index):
                return Realized(
                    buffer: leaves[index].buffer, offset: leaves[index].offset + first, strides: strides, block: block)
            case .buffer(let index):
                return Realized(buffer: owned[index], offset: first, strides: strides, block: block)
            }
        }
    }

    let steps: [Step]
    let pointers: [PointerSource]
    let movingPointers: [MovingPointer]
    let constants: [Scalar]
    let argumentCount: Int
    let buffers: [MemoryPlan.KeptBuffer]
    let results: [Result]
    /// For each buffer a result that lies in it.
    private let resultsOfBuffers: [Int?]
    /// What is computed once.
    let foldings: [Folding]
    package let arenaByteCount: Int
    /// Bytes of all that a run has at its fullest: what it reads, what it makes and keeps, and the arena.
    package let peakByteCount: Int
    package let descriptions: [StepDescription]
    /// Some step is large enough to be shared among threads.
    package let isParallel: Bool

    init(
        steps: [Step], pointers: [PointerSource], movingPointers: [MovingPointer], constants: [Scalar],
        argumentCount: Int, memory: MemoryPlan, results: [Result], foldings: [Folding],
        descriptions: [StepDescription], passes: PlanPasses
    ) {
        self.steps = steps
        self.pointers = pointers
        self.movingPointers = movingPointers
        self.constants = constants
        self.argumentCount = argumentCount
        buffers = memory.buffers
        arenaByteCount = memory.arenaByteCount
        peakByteCount = memory.peakByteCount
        self.results = results
        var resultsOfBuffers: [Int?] = Array(repeating: nil, count: memory.buffers.count)
        for (index, result) in results.enumerated() {
            if case .buffer(let buffer) = result.source { resultsOfBuffers[buffer] = index }
        }
        self.resultsOfBuffers = resultsOfBuffers
        self.foldings = foldings
        self.descriptions = descriptions
        isParallel = passes.contains(.parallelSteps) && descriptions.contains(where: \.isParallel)
    }

    /// Bytes of the results that the run makes itself.
    package var resultByteCount: Int { buffers.reduce(0) { $0 + $1.byteCount } }

    /// Bytes of the plan itself, about: its arrays, and what a prepared kernel of ours takes. The engine's kernels are its
    /// own cache's to count.
    package var byteCount: Int {
        let operands = descriptions.reduce(0) { $0 + $1.inputs.count + $1.outputs.count }
        return steps.count * (Plan.stepByteCount + MemoryLayout<StepDescription>.stride + Plan.kernelByteCount)
            + pointers.count * MemoryLayout<PointerSource>.stride
            + movingPointers.count * (MemoryLayout<MovingPointer>.stride + Plan.shapeByteCount)
            + operands * (MemoryLayout<OperandDescription>.stride + Plan.shapeByteCount)
            + results.count * MemoryLayout<Result>.stride
            + foldings.reduce(0) { $0 + ($1.leaves.isEmpty ? $1.byteCount : 0) }
    }

    private static let kernelByteCount = 512
    private static let stepByteCount = 160
    /// Sizes and strides of an operand, as arrays of their own.
    private static let shapeByteCount = 128

    /// Runs the program. Leaves that the structure replaces are overwritten where the caller's reference is the last one.
    ///
    /// - Returns: the results, and when they are there.
    package func run(
        leaves: inout [Realized], arguments: [Scalar], on backend: any Backend
    ) throws -> (results: [Realized], completion: Completion) {
        var spares: [Buffer?] = []
        return try run(leaves: &leaves, arguments: arguments, spares: &spares, on: backend)
    }

    /// - Parameter spares: by result, memory that it may take over where the reference is the last one; none are left, and there may be
    ///   none at all.
    func run(
        leaves: inout [Realized], arguments: [Scalar], spares: inout [Buffer?], on backend: any Backend
    ) throws -> (results: [Realized], completion: Completion) {
        let clock = Profiling.isOn ? RunClock(kernelCount: steps.count) : nil
        defer { clock?.finish(self) }
        let owned = try ownBuffers(&leaves, &spares, on: backend)
        let folded = foldings.isEmpty ? [] : try foldings.map { try $0.look(leaves, arguments, on: backend) }
        let lease = arenaByteCount > 0 ? try backend.leaseArena(byteCount: arenaByteCount) : nil
        let completion = try withExtendedLifetime(lease) {
            try backend.run(isParallel: isParallel) {
                try runSteps(
                    leaves, owned, folded, arena: lease?.address, arguments: arguments, on: backend,
                    clock)
            }
        }
        for index in foldings.indices where !folded[index].isThere { foldings[index].keep(folded[index], leaves) }
        var made: [Realized] = []
        made.reserveCapacity(results.count)
        for index in results.indices { made.append(results[index].realized(leaves, owned, arguments)) }
        return (made, completion)
    }

    /// Memory for what the run keeps: of a leaf that it replaces, a spare, or new.
    private func ownBuffers(
        _ leaves: inout [Realized], _ spares: inout [Buffer?], on backend: any Backend
    ) throws -> [Buffer] {
        var owned: [Buffer] = []
        owned.reserveCapacity(buffers.count)
        for index in buffers.indices {
            let kept = buffers[index]
            if let donor = kept.donor, leaves[donor].strides == nil, leaves[donor].offset == 0,
                leaves[donor].buffer.byteCount == kept.byteCount, !leaves[donor].buffer.isBorrowed,
                isKnownUniquelyReferenced(&leaves[donor].buffer) || PlannedBug.planted == .stolenLeaf
            {
                if PlannedBug.planted != .stalePack { leaves[donor].buffer.beginGeneration() }
                owned.append(leaves[donor].buffer)
            } else if let spare = spare(for: index, &spares, on: backend) {
                owned.append(spare)
            } else {
                owned.append(try backend.allocate(byteCount: kept.byteCount))
            }
        }
        for result in spares.indices where spares[result] != nil { spares[result] = nil }
        return owned
    }

    private func spare(for buffer: Int, _ spares: inout [Buffer?], on backend: any Backend) -> Buffer? {
        // What does not serve is let go of, so that what shares its memory may.
        guard let result = resultsOfBuffers[buffer], result < spares.count, var spare = spares[result].take(),
            isKnownUniquelyReferenced(&spare), spare.byteCount == buffers[buffer].byteCount,
            spare.device == backend.device, !spare.isBorrowed
        else { return nil }
        if PlannedBug.planted != .stalePack { spare.beginGeneration() }
        return spare
    }

    private func runSteps(
        _ leaves: [Realized], _ owned: [Buffer],
        _ folded: [Folding.Found], arena: UnsafeMutableRawPointer?, arguments: [Scalar], on backend: any Backend,
        _ clock: RunClock?
    ) throws {
        try withUnsafeTemporaryAllocation(of: Scalar.self, capacity: argumentCount + constants.count + 1) { scalars in
            for index in 0..<argumentCount { scalars[index] = arguments[index] }
            for index in constants.indices { scalars[argumentCount + index] = constants[index] }
            guard let scalarBase = scalars.baseAddress else { return }
            try withUnsafeTemporaryAllocation(of: UnsafeMutableRawPointer.self, capacity: pointers.count + 1) { table in
                guard let tableBase = table.baseAddress else { return }
                for index in pointers.indices {
                    // The run holds its buffers: no references are counted here.
                    let source = pointers[index]
                    let base: UnsafeMutableRawPointer
                    switch source.origin {
                    case .leaf(let leaf):
                        unowned(unsafe) let buffer = leaves[leaf].buffer
                        base = buffer.address + leaves[leaf].offset * source.elementSize
                    case .buffer(let index):
                        unowned(unsafe) let buffer = owned[index]
                        base = buffer.address
                    case .arena: base = arena ?? Plan.nowhere
                    case .folded(let unit): base = folded[unit].buffer.address
                    case .scalar(let scalar): base = UnsafeMutableRawPointer(scalarBase + scalar)
                    case .nowhere: base = Plan.nowhere
                    }
                    table[index] = base + source.byteOffset
                }
                for moving in movingPointers {
                    let size = pointers[moving.pointer].elementSize
                    for term in moving.terms {
                        table[moving.pointer] += scalars[term.scalar].integer * term.stride * size
                    }
                }
                if let clock {
                    clock.enter()
                    for step in steps {
                        try clock.time {
                            if runs(step, folded) { try run(step, leaves, scalarBase, tableBase, on: backend) }
                        }
                    }
                } else {
                    for index in steps.indices {
                        // The plan holds its steps: no references are counted here.
                        unowned(unsafe) let step = steps[index]
                        if runs(step, folded) { try run(step, leaves, scalarBase, tableBase, on: backend) }
                    }
                }
            }
        }
    }

    /// False for a step whose results are there already, or are asked for where another one packs them.
    @inline(__always)
    private func runs(_ step: Step, _ folded: [Folding.Found]) -> Bool {
        if let unit = step.folding { return !folded[unit].isThere }
        return !step.isOnDemand
    }

    @inline(__always)
    private func run(
        _ step: Step, _ leaves: [Realized], _ scalars: UnsafeMutablePointer<Scalar>,
        _ table: UnsafeMutablePointer<UnsafeMutableRawPointer>, on backend: any Backend
    ) throws {
        if !step.derived.isEmpty {
            for derived in step.derived { try fill(derived, scalars, table, backend) }
        }
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
