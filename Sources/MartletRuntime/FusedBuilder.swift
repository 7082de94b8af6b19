import MartletGraph

/// Turns a fused group into a kernel description: loads, instructions, stores.
struct FusedBuilder {
    private let group: Fusion.Group
    private let isNeededOutside: (Int) -> Bool
    private var graph: PlanGraph

    /// Memory that the kernel reads and writes, in the order of its operand numbers.
    private(set) var inputs: [PlanGraph.Operand] = []
    private(set) var outputs: [Int] = []
    /// Neighbouring scalars to fill before the run: keys and starts of random inputs, starts of coordinates.
    private(set) var derivedScalars: [DerivedScalar] = []

    private var registers: [PlanGraph.Operand: Int] = [:]
    private var loads: [(source: FusedKernel.Input.Source, dtype: DataType, strides: [Int])] = []
    private var instructions: [FusedKernel.Instruction] = []
    private var registerOfBase: [Int: FusedKernel.Register] = [:]

    init(_ group: Fusion.Group, _ graph: PlanGraph, isNeededOutside: @escaping (Int) -> Bool) {
        self.group = group
        self.graph = graph
        self.isNeededOutside = isNeededOutside
    }

    /// The kernel, and the graph with the constants it needed added.
    mutating func build() -> (FusedKernel, PlanGraph) {
        let shape = group.shape ?? []
        for index in group.items {
            for input in graph.items[index].inputs where !isInternal(input) {
                load(input)
            }
        }
        for index in PlannedBug.planted == .fusionOrder ? group.items.reversed() : group.items {
            guard case .elementwise(let operation) = graph.items[index].work else { continue }
            emit(graph.items[index], operation)
        }
        let order = axisOrder(shape)
        var stores: [FusedKernel.Output] = []
        for index in group.items {
            let item = graph.items[index]
            let base = item.outputs[0]
            if case .reduce(let reduce) = item.work {
                stores.append(store(base, register(of: item.inputs[0]), reduce, shape, order))
            } else if isNeededOutside(base) {
                stores.append(store(base, registerOfBase[base] ?? 0, nil, shape, order))
            }
        }
        let kernel = FusedKernel(
            sizes: order.axes.map { shape[$0] }, reduced: order.reduced,
            inputs: loads.map { load in
                FusedKernel.Input(source: load.source, dtype: load.dtype, strides: order.axes.map { load.strides[$0] })
            }, instructions: instructions, outputs: stores)
        return (kernel, graph)
    }

    /// True where the group makes the operand itself, and it is met whole.
    private func isInternal(_ operand: PlanGraph.Operand) -> Bool {
        guard case .produced(let item) = graph.bases[operand.view.base].kind else { return false }
        return group.items.contains(item) && graph.isMetWhole(operand)
    }

    private mutating func load(_ operand: PlanGraph.Operand) {
        if registers[operand] != nil { return }
        registers[operand] = loads.count
        let view = operand.view
        let source: FusedKernel.Input.Source
        switch graph.bases[view.base].kind {
        case .scalar(let reference): source = .scalar(graph.scalarIndex(reference))
        case .index:
            let start = graph.reserveScalars(1)
            derivedScalars.append(.offset(derivedOffset(view), to: start))
            source = .index(start: start)
        case .random(let key, let start):
            let pair = graph.reserveScalars(2)
            derivedScalars.append(.element(key, plus: .init(), to: pair))
            derivedScalars.append(.element(start, plus: derivedOffset(view), to: pair + 1))
            source = .random(key: pair)
        case .leaf, .produced, .fence, .empty:
            source = .operand(inputs.count)
            inputs.append(operand)
        }
        loads.append((source, operand.type.dtype, view.strides))
    }

    private func derivedOffset(_ view: View) -> View.Offset {
        PlannedBug.planted == .droppedDerivedOffset ? .init() : view.offset
    }

    private func register(of operand: PlanGraph.Operand) -> FusedKernel.Register {
        if isInternal(operand) { return registerOfBase[operand.view.base] ?? 0 }
        return registers[operand] ?? 0
    }

    private mutating func emit(_ item: PlanGraph.Item, _ operation: FusedKernel.Operation) {
        let operands = item.inputs.map { register(of: $0) }
        let result = graph.bases[item.outputs[0]].type.dtype
        if operation == .cast, item.inputs[0].type.dtype == result {
            registerOfBase[item.outputs[0]] = operands[0]
            return
        }
        registerOfBase[item.outputs[0]] = loads.count + instructions.count
        instructions.append(
            FusedKernel.Instruction(
                operation: operation, operands: operands,
                operandType: item.inputs[operation == .select ? 1 : 0].type.dtype,
                resultType: result))
    }

    private mutating func store(
        _ base: Int, _ register: Int, _ reduce: Reduce?, _ shape: Shape,
        _ order: (axes: [Int], reduced: Range<Int>)
    ) -> FusedKernel.Output {
        let type = graph.bases[base].type
        var strides = type.shape.contiguousStrides
        if let reduce {
            let kept = (0..<shape.rank).filter { !reduce.axes.contains($0) }
            if PlannedBug.planted == .reducedAxesSwapped, kept.count > 1, shape[kept[0]] == shape[kept[1]] {
                strides.swapAt(0, 1)
            }
            var own = [Int](repeating: 0, count: shape.rank)
            for (position, axis) in kept.enumerated() { own[axis] = strides[position] }
            strides = own
        }
        outputs.append(base)
        return FusedKernel.Output(
            register: register, output: outputs.count - 1, dtype: type.dtype, reduction: reduce?.kind,
            strides: order.axes.map { strides[$0] })
    }

    /// Axes in the order they are walked: with a reduction, kept ones, reduced ones, then the trailing kept ones. It depends
    /// on the shape and the axes alone, so that a sum is the same wherever the recording was cut.
    private func axisOrder(_ shape: Shape) -> (axes: [Int], reduced: Range<Int>) {
        guard let reduced = group.reducedAxes else { return (Array(0..<shape.rank), shape.rank..<shape.rank) }
        let last = reduced.last ?? -1
        let trailing = Array((last + 1)..<shape.rank)
        let leading = (0..<shape.rank).filter { $0 < last && !reduced.contains($0) }
        return (leading + reduced + trailing, leading.count..<(leading.count + reduced.count))
    }
}

/// A scalar of the run that is worked out from others just before a step.
package enum DerivedScalar: Sendable {
    /// An offset in elements.
    case offset(View.Offset, to: Int)
    /// The int64 that a view of one element shows, and an offset.
    case element(View, plus: View.Offset, to: Int)
}
