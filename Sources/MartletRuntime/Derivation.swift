import MartletGraph

/// What an operand that a kernel packs is made of, where that is parameters alone: a cast of them, a factor for each channel.
///
/// The packed form is kept with one of the parameters for as long as all of them stay what they are, and the steps that only it
/// needs run where it is made.
struct Derivation {
    /// Steps whose results nothing else reads, in order; they run on demand.
    var steps: [Int] = []
    /// The leaves behind it. The first holds what was made: the largest.
    var leaves: [Int]
    /// The run's arguments that are read on the way.
    var arguments: [Int] = []
    /// What is computed from the leaves: the same in plans of other batch sizes.
    var identity: Int = 0
}

/// Finds derivations among a plan's steps.
struct Derivations {
    private let steps: [Planner.Step]
    private let graph: PlanGraph
    private var producers: [Int: Int] = [:]
    /// For each base, the steps that read it; -1 stands for whoever asked for the results.
    private var readers: [Int: [Int]] = [:]

    init(_ steps: [Planner.Step], _ graph: PlanGraph) {
        (self.steps, self.graph) = (steps, graph)
        for (index, step) in steps.enumerated() {
            for base in step.outputs { producers[base] = index }
            for base in step.basesRead(graph) { readers[base, default: []].append(index) }
        }
        for base in graph.bases.indices where graph.bases[base].isKept { readers[base, default: []].append(-1) }
    }

    /// The leaves behind some operands, first the largest; the run's arguments that are read on the way; and what is computed.
    func sources(of operands: [PlanGraph.Operand]) -> (leaves: [Int], arguments: [Int], identity: Int)? {
        var walk = Walk()
        guard operands.allSatisfy({ take($0, &walk) }) else { return nil }
        let largest = walk.leaves.max(by: { byteCount($0.base) < byteCount($1.base) })
        walk.hasher.combine(walk.leaves.firstIndex { $0.leaf == largest?.leaf })
        let others = walk.leaves.map(\.leaf).filter { $0 != largest?.leaf }
        return ((largest.map { [$0.leaf] } ?? []) + others, walk.arguments, walk.hasher.finalize())
    }

    /// How an operand of a step is made of leaves, by elementwise work and reductions; nil where anything else takes part.
    func derivation(of operand: PlanGraph.Operand, readBy reader: Int) -> Derivation? {
        guard let found = sources(of: [operand]), !found.leaves.isEmpty else { return nil }
        return Derivation(
            steps: steps(onlyFor: operand.view.base, readBy: reader), leaves: found.leaves,
            arguments: found.arguments, identity: found.identity)
    }

    private func byteCount(_ base: Int) -> Int { graph.bases[base].type.byteCount }

    /// What was met on the way from an operand to its leaves.
    private struct Walk {
        var leaves: [(leaf: Int, base: Int)] = []
        var arguments: [Int] = []
        var hasher = Hasher()
        /// Steps that were walked, by the order in which they were met.
        var met: [Int: Int] = [:]
    }

    private func take(_ operand: PlanGraph.Operand, _ walk: inout Walk) -> Bool {
        guard operand.view.offset.terms.isEmpty else { return false }
        walk.hasher.combine(operand.view.strides)
        walk.hasher.combine(operand.view.offset.constant)
        walk.hasher.combine(operand.type)
        if case .leaf(let leaf) = graph.bases[operand.view.base].kind {
            walk.hasher.combine(3)
            if let known = walk.leaves.firstIndex(where: { $0.leaf == leaf }) {
                walk.hasher.combine(known)
            } else {
                walk.hasher.combine(walk.leaves.count)
                walk.leaves.append((leaf, operand.view.base))
            }
            return true
        }
        guard let producer = producers[operand.view.base] else { return false }
        walk.hasher.combine(4)
        walk.hasher.combine(steps[producer].outputs.firstIndex(of: operand.view.base))
        if let known = walk.met[producer] {
            walk.hasher.combine(known)
            return true
        }
        walk.met[producer] = walk.met.count
        return take(steps[producer], &walk)
    }

    private func take(_ step: Planner.Step, _ walk: inout Walk) -> Bool {
        guard case .fused(let kernel) = step.work, step.derived.allSatisfy(\.isFixed) else { return false }
        kernel.hash(computationInto: &walk.hasher)
        for scalar in step.derived {
            if case .offset(let offset, _) = scalar { walk.hasher.combine(offset.constant) }
        }
        for input in kernel.inputs {
            // Each kind with a number of its own: an operand and an argument of one index are two things.
            switch input.source {
            case .operand(let index):
                walk.hasher.combine(0)
                walk.hasher.combine(index)
            case .scalar(let index) where index < graph.argumentCount:
                walk.hasher.combine(1)
                walk.hasher.combine(walk.arguments.count)
                walk.arguments.append(index)
            case .scalar(let index):
                walk.hasher.combine(2)
                walk.hasher.combine(graph.constants[index - graph.argumentCount])
            case .index: walk.hasher.combine(5)
            case .random: return false
            }
        }
        return step.inputs.allSatisfy { take($0, &walk) }
    }

    /// The steps behind a base that nobody needs once it is there.
    private func steps(onlyFor packed: Int, readBy reader: Int) -> [Int] {
        var found: Set<Int> = []
        var candidates = [packed]
        while let base = candidates.popLast() {
            guard let producer = producers[base], !found.contains(producer) else { continue }
            let isAlone = steps[producer].outputs.allSatisfy { output in
                let readers = readers[output] ?? []
                // The reader may have the result of another step of the way as an operand of its own.
                return output == packed ? readers == [reader] : readers.allSatisfy { found.contains($0) }
            }
            guard isAlone else { continue }
            found.insert(producer)
            candidates += steps[producer].inputs.map(\.view.base)
        }
        return found.sorted()
    }
}

extension FusedKernel {
    /// What is computed, apart from where operands and numbers come from.
    fileprivate func hash(computationInto hasher: inout Hasher) {
        hasher.combine(sizes)
        hasher.combine(reduced)
        for input in inputs {
            hasher.combine(input.dtype)
            hasher.combine(input.strides)
        }
        for instruction in instructions {
            hasher.combine(instruction.operation)
            hasher.combine(instruction.operands)
            hasher.combine(instruction.operandType)
            hasher.combine(instruction.resultType)
        }
        for output in outputs {
            hasher.combine(output.register)
            hasher.combine(output.output)
            hasher.combine(output.dtype)
            hasher.combine(output.reduction)
            hasher.combine(output.strides)
        }
    }
}

/// What a plan's kernels pack and keep, and the order of steps that comes of it: those on demand right before the one they serve.
struct Packings {
    /// For each place of the order, the step.
    private(set) var order: [Int]
    /// By place.
    private(set) var found: [Int: Plan.Packing] = [:]
    private(set) var onDemand: Set<Int> = []
    /// Where everything lies in this order.
    private(set) var memory: MemoryPlan
    /// What is computed once; its steps are places of the order.
    private(set) var folding: [ConstantFolding.Unit] = []

    init(_ planner: Planner, _ prepared: [Planner.Prepared], keeps: Bool, folds: Bool) {
        order = Array(planner.steps.indices)
        defer { if folds { fold(planner) } }
        guard keeps, planner.steps.contains(where: \.isInference) else {
            memory = planner.memory
            return
        }
        var wanted: [Int: Plan.Packing] = [:]
        let derivations = Derivations(planner.steps, planner.graph)
        for (index, step) in planner.steps.enumerated() where step.isInference {
            // In training it would be of use once.
            guard let kernel = prepared[index].kernel as? any PackingKernel, kernel.packing != nil,
                let derivation = derivations.derivation(of: step.inputs[kernel.packedOperand], readBy: index)
            else { continue }
            wanted[index] = Plan.Packing(kernel: kernel, derivation: derivation)
        }
        while true {
            order = Packings.order(planner.steps.count, wanted)
            memory = planner.memory(order)
            // What the plan itself overwrites cannot be relied on.
            let overwritten = Set(memory.buffers.compactMap(\.donor))
            let lost = wanted.filter { !overwritten.isDisjoint(with: $0.value.derivation.leaves) }
            if lost.isEmpty { break }
            for index in lost.keys { wanted[index] = nil }
        }
        // More may be alive at once in the new order than the limit allows.
        if let limit = PlanSettings.current.memoryLimit, memory.peakByteCount > limit {
            (wanted, order, memory) = ([:], Array(planner.steps.indices), planner.memory)
        }
        place(wanted)
    }

    /// Takes in what is computed once, where memory allows it.
    private mutating func fold(_ planner: Planner) {
        let overwritten = Set(memory.buffers.compactMap(\.donor))
        let found = ConstantFolding(planner, order: order, onDemand: onDemand, overwritten: overwritten)
        if found.units.isEmpty { return }
        let folded = planner.memory(order, folded: found.places, byteCount: found.byteCount)
        // A leaf that could be overwritten only now.
        guard overwritten.isSuperset(of: folded.buffers.compactMap(\.donor)) else { return }
        if let limit = PlanSettings.current.memoryLimit, folded.peakByteCount > limit { return }
        memory = folded
        var places = order
        for (place, index) in order.enumerated() { places[index] = place }
        folding = found.units.map { unit in
            var unit = unit
            unit.steps = unit.steps.map { places[$0] }
            return unit
        }
    }

    private static func order(_ count: Int, _ wanted: [Int: Plan.Packing]) -> [Int] {
        let moved = Set(wanted.values.flatMap(\.derivation.steps))
        return (0..<count).filter { !moved.contains($0) }.flatMap { (wanted[$0]?.derivation.steps ?? []) + [$0] }
    }

    private mutating func place(_ wanted: [Int: Plan.Packing]) {
        var places = order
        for (place, index) in order.enumerated() { places[index] = place }
        for (index, packing) in wanted {
            var derivation = packing.derivation
            derivation.steps = derivation.steps.map { places[$0] }
            onDemand.formUnion(derivation.steps)
            found[places[index]] = Plan.Packing(kernel: packing.kernel, derivation: derivation)
        }
    }
}
