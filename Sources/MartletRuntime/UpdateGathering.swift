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
            if case .primitive = step.work, step.update == nil { stretch += 1 }
            if case .fused = step.work, !backend.fusesSteps { continue }
            guard step.outputs.allSatisfy({ !read.contains($0) }), let key = UpdateKey(step, graph, stretch) else {
                continue
            }
            alike[key, default: []].append(index)
        }
        var removed = Set<Int>()
        for (_, indices) in alike where indices.count > 1 {
            guard let last = indices.last else { continue }
            steps[last] = merged(indices)
            removed.formUnion(indices.dropLast())
        }
        steps = steps.enumerated().filter { !removed.contains($0.offset) }.map(\.element)
    }
}

/// What updates that run as one have in common.
private enum UpdateKey: Hashable {
    /// The composite and its numbers.
    case call(CompositeCall, scalars: [PlanGraph.Operand])
    /// A fused program between two kernels of another kind.
    case program(ProgramKey, stretch: Int)

    /// Nil for a step that is none that could be gathered.
    init?(_ step: Planner.Step, _ graph: PlanGraph, _ stretch: Int) {
        switch step.work {
        case .primitive(.composite(let call), _):
            guard let update = call.composite as? any UpdateComposite else { return nil }
            self = .call(call, scalars: Array(step.inputs.dropFirst(update.tensorCount)))
        case .primitive: return nil
        case .fused:
            guard let program = ProgramKey(step, graph) else { return nil }
            self = .program(program, stretch: stretch)
        }
    }
}

/// A fused program over whole tensors, with single elements that all positions meet: steps that differ in their tensors alone have
/// the same.
struct ProgramKey: Hashable {
    private let inputs: [Input]
    private let instructions: [FusedKernel.Instruction]
    private let outputs: [Output]
    /// Of one element it cannot be told what walks and what stays.
    private let isOneElement: Bool

    private struct Input: Hashable {
        let source: FusedKernel.Input.Source
        let dtype: DataType
        let isUniform: Bool
    }

    private struct Output: Hashable {
        let register: FusedKernel.Register
        let dtype: DataType
    }

    /// Nil for a step that is none that could be gathered.
    init?(_ step: Planner.Step, _ graph: PlanGraph) {
        guard case .fused(let kernel) = step.work, step.derived.isEmpty,
            kernel.outputs.allSatisfy({ $0.reduction == nil && kernel.walks($0.strides) })
        else { return nil }
        var inputs: [Input] = []
        for input in kernel.inputs {
            let isUniform = kernel.stays(input.strides)
            switch input.source {
            case .operand where isUniform || kernel.walks(input.strides), .scalar: break
            case .operand, .index, .random: return nil
            }
            inputs.append(Input(source: input.source, dtype: input.dtype, isUniform: isUniform))
        }
        self.inputs = inputs
        instructions = kernel.instructions
        outputs = kernel.outputs.map { Output(register: $0.register, dtype: $0.dtype) }
        isOneElement = step.outputs.allSatisfy { graph.bases[$0].type.shape.elementCount == 1 }
    }
}

extension FusedKernel {
    /// True where strides walk the space in row-major order.
    func walks(_ strides: [Int]) -> Bool {
        var expected = 1
        for axis in sizes.indices.reversed() where sizes[axis] != 1 {
            if strides[axis] != expected { return false }
            expected *= sizes[axis]
        }
        return true
    }

    /// True where strides meet one element everywhere.
    func stays(_ strides: [Int]) -> Bool { zip(sizes, strides).allSatisfy { $0 == 1 || $1 == 0 } }

    /// The same program along one axis.
    func flat(_ elements: Int) -> FusedKernel {
        FusedKernel(
            sizes: [elements], reduced: 1..<1,
            inputs: inputs.map { Input(source: $0.source, dtype: $0.dtype, strides: [stays($0.strides) ? 0 : 1]) },
            instructions: instructions,
            outputs: outputs.map {
                Output(register: $0.register, output: $0.output, dtype: $0.dtype, reduction: nil, strides: [1])
            })
    }
}
