import MartletGraph

// The updates of many parameters as one step: starting a kernel for each, and waiting for its last thread, would take longer than
// a small parameter's update.

extension Planner {
    /// Updates of one kind on different tensors become one step, where nothing reads their results before: calls of a composite
    /// with the same numbers, and fused steps of the same program.
    mutating func gatherUpdates() {
        let read = Set(steps.flatMap { $0.basesRead(graph) })
        var alike: [UpdateKey: [Int]] = [:]
        // What is added to gradients that are there already stays beside the kernels that make the new ones: memory would else
        // hold all of them.
        var stretch = 0
        for (index, step) in steps.enumerated() {
            if case .primitive = step.work, !step.isUpdate { stretch += 1 }
            if case .fused = step.work, !backend.fusesSteps { continue }
            guard step.outputs.allSatisfy({ !read.contains($0) }), let key = UpdateKey(step, stretch) else { continue }
            alike[key, default: []].append(index)
        }
        var removed = Set<Int>()
        for (_, indices) in alike where indices.count > 1 {
            guard let last = indices.last else { continue }
            if case .fused(let kernel) = steps[last].work {
                let elements = indices.reduce(0) { $0 + graph.bases[steps[$1].outputs[0]].type.shape.elementCount }
                steps[last].work = .fused(kernel.flat(elements))
            }
            steps[last].inputs = indices.flatMap { steps[$0].inputs }
            steps[last].outputs = indices.flatMap { steps[$0].outputs }
            for origin in indices.flatMap({ steps[$0].origins }) where !steps[last].origins.contains(origin) {
                steps[last].origins.append(origin)
            }
            steps[last].items = indices.flatMap { steps[$0].items }
            steps[last].repetitions = indices.count
            removed.formUnion(indices.dropLast())
        }
        steps = steps.enumerated().filter { !removed.contains($0.offset) }.map(\.element)
    }
}

/// What updates that run as one have in common.
private enum UpdateKey: Hashable {
    /// The composite and its numbers.
    case call(CompositeCall, scalars: [PlanGraph.Operand])
    /// A fused program over whole tensors, with single elements that all positions meet, between two kernels of another kind.
    case program([FlatInput], [FusedKernel.Instruction], outputs: [FlatOutput], stretch: Int)

    struct FlatInput: Hashable {
        let source: FusedKernel.Input.Source
        let dtype: DataType
        let isUniform: Bool
    }

    struct FlatOutput: Hashable {
        let register: FusedKernel.Register
        let dtype: DataType
    }

    /// Nil for a step that is none that could be gathered.
    init?(_ step: Planner.Step, _ stretch: Int) {
        switch step.work {
        case .primitive(.composite(let call), _):
            guard let update = call.composite as? any UpdateComposite else { return nil }
            self = .call(call, scalars: Array(step.inputs.dropFirst(update.tensorCount)))
        case .primitive: return nil
        case .fused(let kernel):
            // Of one element it cannot be told what walks and what stays.
            guard kernel.sizes.reduce(1, *) > 1, step.derived.isEmpty,
                kernel.outputs.allSatisfy({ $0.reduction == nil && kernel.walks($0.strides) })
            else { return nil }
            var inputs: [FlatInput] = []
            for input in kernel.inputs {
                let isUniform = kernel.stays(input.strides)
                switch input.source {
                case .operand where isUniform || kernel.walks(input.strides), .scalar: break
                case .operand, .index, .random: return nil
                }
                inputs.append(FlatInput(source: input.source, dtype: input.dtype, isUniform: isUniform))
            }
            let outputs = kernel.outputs.map { FlatOutput(register: $0.register, dtype: $0.dtype) }
            self = .program(inputs, kernel.instructions, outputs: outputs, stretch: stretch)
        }
    }
}

extension Planner.Step {
    /// True for the call of a composite that renews a parameter.
    fileprivate var isUpdate: Bool {
        if case .primitive(.composite(let call), _) = work { call.composite is any UpdateComposite } else { false }
    }
}

extension FusedKernel {
    /// True where strides walk the space in row-major order.
    fileprivate func walks(_ strides: [Int]) -> Bool {
        var expected = 1
        for axis in sizes.indices.reversed() where sizes[axis] != 1 {
            if strides[axis] != expected { return false }
            expected *= sizes[axis]
        }
        return true
    }

    /// True where strides meet one element everywhere.
    fileprivate func stays(_ strides: [Int]) -> Bool { zip(sizes, strides).allSatisfy { $0 == 1 || $1 == 0 } }

    /// The same program along one axis.
    fileprivate func flat(_ elements: Int) -> FusedKernel {
        FusedKernel(
            sizes: [elements], reduced: 1..<1,
            inputs: inputs.map { Input(source: $0.source, dtype: $0.dtype, strides: [stays($0.strides) ? 0 : 1]) },
            instructions: instructions,
            outputs: outputs.map {
                Output(register: $0.register, output: $0.output, dtype: $0.dtype, reduction: nil, strides: [1])
            })
    }
}
