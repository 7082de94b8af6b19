import MartletGraph

/// Collects steps and their pointers into a plan.
struct PlanAssembly {
    private var graph: PlanGraph
    private let memory: MemoryPlan
    private let passes: PlanPasses
    private var steps: [Plan.Step] = []
    private var pointers: [Plan.PointerSource] = []
    private var movingPointers: [Plan.MovingPointer] = []
    private var descriptions: [StepDescription] = []
    private var foldings: [Plan.Folding] = []

    init(graph: PlanGraph, memory: MemoryPlan, passes: PlanPasses) {
        self.graph = graph
        self.memory = memory
        self.passes = passes
    }

    mutating func add(
        _ step: Planner.Step, _ prepared: Planner.Prepared, packing: Plan.Packing?, isOnDemand: Bool
    ) {
        let first = pointers.count
        for operand in step.inputs { addPointer(operand.view, operand.type.dtype) }
        for base in step.outputs {
            addPointer(View(base: base, strides: [], offset: .init()), graph.bases[base].type.dtype)
        }
        let derived = step.derived.map { scalar -> Plan.Derived in
            switch scalar {
            case .offset(let offset, let target): return .offset(offset, to: target)
            case .element(let view, let plus, let target):
                if case .scalar(let reference) = graph.bases[view.base].kind {
                    return .scalar(graph.scalarIndex(reference), plus: plus, to: target)
                }
                addPointer(view, .int64)
                return .memory(pointer: pointers.count - 1, plus: plus, to: target)
            }
        }
        steps.append(
            Plan.Step(
                kernel: prepared.kernel, firstPointer: first, derived: derived, packing: packing,
                isOnDemand: isOnDemand))
        var description = prepared.description
        // Fused steps have one way; looking a conformance up that is not there takes as long as the rest.
        if case .primitive = step.work { description.method = (prepared.kernel as? any DescribedKernel)?.method }
        description.isOnDemand = isOnDemand
        descriptions.append(description)
    }

    /// Notes what is computed once; the units' steps are places among those that were added.
    mutating func fold(_ units: [ConstantFolding.Unit]) {
        for (number, unit) in units.enumerated() {
            for place in unit.steps {
                steps[place].folding = number
                descriptions[place].isOnDemand = true
            }
            foldings.append(Plan.Folding(unit))
        }
    }

    private mutating func addPointer(_ view: View, _ dtype: DataType) {
        let size = dtype.byteCount
        if case .scalar(let reference) = graph.bases[view.base].kind {
            let origin = Plan.PointerSource.Origin.scalar(graph.scalarIndex(reference))
            pointers.append(Plan.PointerSource(origin: origin, byteOffset: 0, elementSize: size))
            return
        }
        var constant = view.offset.constant * size
        let origin: Plan.PointerSource.Origin
        switch memory.places[view.base] {
        case .leaf(let index): origin = .leaf(index)
        case .buffer(let index): origin = .buffer(index)
        case .arena(let offset):
            origin = .arena
            constant += offset
        case .folded(let unit, let offset):
            origin = .folded(unit)
            constant += offset
        case .nowhere: origin = .nowhere
        }
        if !view.offset.terms.isEmpty, PlannedBug.planted != .fixedSliceStart {
            movingPointers.append(Plan.MovingPointer(pointer: pointers.count, terms: view.offset.terms))
        }
        pointers.append(Plan.PointerSource(origin: origin, byteOffset: constant, elementSize: size))
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
            case .arena, .folded, .nowhere: stop("a result that is kept has no memory of its own")
            }
        }
        return Plan(
            steps: steps, pointers: pointers, movingPointers: movingPointers, constants: graph.constants,
            argumentCount: graph.argumentCount, memory: memory, results: results, foldings: foldings,
            descriptions: descriptions, passes: passes)
    }
}
