import MartletGraph

/// From a lowered graph to a plan: fuse, schedule, place in memory, prepare the kernels.
package struct Planner {
    let backend: any Backend
    var graph: PlanGraph
    private let kept: [PlanGraph.Operand]
    private let passes: PlanPasses
    var steps: [Step] = []

    /// A step before its kernel is prepared.
    struct Step {
        var work: StepDescription.Work
        var inputs: [PlanGraph.Operand]
        var outputs: [Int]
        var derived: [DerivedScalar] = []
        var repetitions = 1
        var origins: [Origin] = []
        var isInference = false
        /// The graph's items that it runs.
        var items: [Int] = []
    }

    /// `kept` are the results to give back, in order; each is memory of the graph by now.
    package static func plan(
        _ lowered: PlanGraph, kept: [PlanGraph.Operand], backend given: any Backend
    ) throws -> Plan {
        let settings = PlanSettings.current
        let passes = settings.passes
        let backend = PassFilter.filtered(given, passes)
        var graph = lowered
        if passes.contains(.rectifierPooling) { graph = RectifierPooling.applied(to: graph) }
        if passes.contains(.batchNormFusion) { graph = BatchNormFusion.applied(to: graph, backend: backend) }
        if passes.contains(.convolutionFusion) { graph = ConvolutionFusion.applied(to: graph, backend: backend) }
        if passes.contains(.productFusion) { graph = ProductFusion.applied(to: graph, backend: backend) }
        if passes.contains(.quantizedFusion) { graph = QuantizedFusion.applied(to: graph, backend: backend) }
        if passes.contains(.updateScaling) { graph = UpdateScaling.applied(to: graph, backend: backend) }
        let schedule = { (graph: PlanGraph) in Planner(backend, graph, kept, passes) }
        let planner =
            try settings.memoryLimit.map { try RecomputationChoice.planner(for: graph, limit: $0, schedule) }
            ?? schedule(graph)
        let plan = try planner.assemble()
        watcher?(plan)
        return plan
    }

    /// Told of each plan that is made in this task.
    @TaskLocal package static var watcher: (@Sendable (Plan) -> Void)?

    /// Fuses and schedules.
    init(_ backend: any Backend, _ graph: PlanGraph, _ kept: [PlanGraph.Operand], _ passes: PlanPasses) {
        self.backend = backend
        self.graph = graph
        self.kept = kept
        self.passes = passes
        group()
        if passes.contains(.gradientUpdates) { joinGradientUpdates() }
        if passes.contains(.normGathering) { gatherNorms() }
        if passes.contains(.updateGathering) { gatherUpdates() }
        if passes.contains(.stepGathering) { gatherSmallSteps() }
    }

    /// Groups the graph's items into steps, side by side where that costs no memory.
    private mutating func group() {
        let defers = passes.contains(.fusionDeferral)
        let apart = Fusion(graph, fusesSteps: backend.fusesSteps, defers: defers)
        var fusion = apart
        guard backend.fusesSteps, passes.contains(.siblingFusion), fusion.joinSiblings() else {
            fuse(apart)
            return
        }
        var joined = self
        joined.fuse(fusion)
        fuse(apart)
        if joined.memory.peakByteCount <= memory.peakByteCount { self = joined }
    }

    private mutating func fuse(_ fusion: Fusion) {
        graph = graph.resolvingFences()
        var (groups, groupOfItem) = (fusion.groups, fusion.groupOfItem)
        let itemCount = graph.items.count
        if passes.contains(.maskRegeneration), backend.fusesSteps {
            let regeneration = MaskRegeneration(graph, fusion)
            (graph, groups, groupOfItem) = (regeneration.graph, regeneration.groups, regeneration.groupOfItem)
        }
        let outside = basesReadOutside(groupOfItem)
        for index in fusion.schedule() {
            let group = groups[index]
            if group.shape == nil {
                let item = graph.items[group.items[0]]
                guard case .primitive(let primitive) = item.work else { continue }
                steps.append(
                    Step(
                        work: .primitive(primitive, arguments: item.arguments), inputs: item.inputs,
                        outputs: item.outputs, origins: origins(of: group), isInference: item.isInference,
                        items: group.items))
                continue
            }
            var builder = FusedBuilder(group, graph) { outside[$0]?.contains { $0 != index } ?? false }
            let (kernel, grown) = builder.build()
            graph = grown
            if builder.outputs.isEmpty { continue }
            steps.append(
                Step(
                    work: .fused(kernel), inputs: builder.inputs, outputs: builder.outputs,
                    derived: builder.derivedScalars, origins: origins(of: group),
                    isInference: group.items.allSatisfy { graph.items[$0].isInference },
                    // Copies are no items of the graph that was given.
                    items: group.items.filter { $0 < itemCount }))
        }
    }

    /// The layers that a group's items come from, in recorded order.
    private func origins(of group: Fusion.Group) -> [Origin] {
        var found: [Origin] = []
        for origin in group.items.flatMap({ graph.items[$0].origins }) where !found.contains(origin) {
            found.append(origin)
        }
        return found
    }

    /// For each base, the groups that read it from memory; -1 stands for whoever asked for the results.
    private func basesReadOutside(_ groupOfItem: [Int]) -> [Int: Set<Int>] {
        var readers: [Int: Set<Int>] = [:]
        for (index, item) in graph.items.enumerated() {
            let group = groupOfItem[index]
            for input in item.inputs {
                // A group that meets its own value under another view reads it from memory too.
                let reader = graph.isWhole(input) ? group : -1
                readers[input.view.base, default: []].insert(reader)
                for behind in graph.basesBehind(input.view.base) { readers[behind, default: []].insert(-1) }
            }
        }
        for base in graph.bases.indices where graph.bases[base].isKept { readers[base, default: []].insert(-1) }
        return readers
    }

    /// Where everything that the steps make lies.
    var memory: MemoryPlan { memory(Array(steps.indices)) }

    /// A step's kernel, and what it was prepared for.
    struct Prepared {
        let kernel: any PreparedKernel
        let description: StepDescription
    }

    private func assemble() throws -> Plan {
        let read = basesRead
        let prepared = try steps.map { step in
            let description = description(of: step, read)
            return Prepared(kernel: try backend.prepare(description), description: description)
        }
        let packings = Packings(
            self, prepared, keeps: passes.contains(.packedWeights), folds: passes.contains(.constantFolding))
        var assembly = PlanAssembly(graph: graph, memory: packings.memory, passes: passes)
        for (place, index) in packings.order.enumerated() {
            assembly.add(
                steps[index], prepared[index], packing: packings.found[place],
                isOnDemand: packings.onDemand.contains(place))
        }
        assembly.fold(packings.folding)
        return assembly.finish(kept: kept)
    }

    /// What steps read from memory, or somebody keeps.
    private var basesRead: Set<Int> {
        var read = Set(graph.bases.indices.filter { graph.bases[$0].isKept })
        for step in steps { read.formUnion(step.basesRead(graph)) }
        return read
    }

    private func description(of step: Step, _ read: Set<Int>) -> StepDescription {
        StepDescription(
            work: step.work,
            inputs: step.inputs.map { operand in
                OperandDescription(
                    type: operand.type, strides: operand.view.strides,
                    isScalarArgument: !graph.isReal(operand.view.base), blockedShape: operand.blockedShape)
            },
            outputs: step.outputs.map {
                OperandDescription(
                    type: graph.bases[$0].type, strides: graph.bases[$0].type.shape.contiguousStrides,
                    isUnread: !read.contains($0), blockedShape: graph.bases[$0].blockedShape)
            }, repetitions: step.repetitions, origins: step.origins, isInference: step.isInference)
    }

    /// Where everything that the steps make lies, in an order of them.
    ///
    /// - Parameter folded: where what is kept from run to run lies, of so many bytes.
    func memory(_ order: [Int], folded: [Int: MemoryPlan.Place] = [:], byteCount: Int = 0) -> MemoryPlan {
        MemoryPlan(
            steps: order.map { steps[$0] }, graph: graph, kept: kept, backend: backend, passes: passes, folded: folded,
            byteCount: byteCount)
    }
}

/// A composite that renews a parameter and its state: calls side by side with the same numbers are run as one.
package protocol UpdateComposite: Composite {
    /// Operands before the scalars: parameter, gradient, state.
    var tensorCount: Int { get }
}

extension AdamUpdate: UpdateComposite {
    package var tensorCount: Int { amsgrad ? 5 : 4 }
}

extension SGDUpdate: UpdateComposite {
    package var tensorCount: Int { momentum == .none ? 2 : 3 }
}
