import MartletGraph

/// Folds what surrounds a batch normalisation into its kernel: the addition of a residual and the rectifier that follow it,
/// the rectifier's derivative and the sum of two gradients that come before its own. Each is one pass over memory less.
///
/// Only kernels are folded into: a batch normalisation whose body runs is elementwise work by now, which fuses by itself.
struct BatchNormFusion {
    private var graph: PlanGraph
    private let backend: any Backend
    /// For each base, the items that read it; -1 stands for a reader that is no operand.
    private var readers: [[Int]]
    private var hasChanged = false

    static func applied(to graph: PlanGraph, backend: any Backend) -> PlanGraph {
        let calls = graph.items.indices.filter { graph.items[$0].composite is any BatchNormComposite }
        guard !calls.isEmpty else { return graph }
        var fusion = BatchNormFusion(graph, backend)
        for index in calls {
            switch fusion.graph.items[index].composite {
            case let norm as BatchNormTraining: fusion.fold(norm, index)
            case let gradient as BatchNormGradient: fusion.fold(gradient, index)
            default: break
            }
        }
        return fusion.hasChanged ? fusion.graph.inOrder() : graph
    }

    private init(_ graph: PlanGraph, _ backend: any Backend) {
        (self.graph, self.backend) = (graph, backend)
        readers = graph.readers
    }

    // MARK: Forward

    private mutating func fold(_ norm: BatchNormTraining, _ index: Int) {
        var result = graph.items[index].outputs[0]
        var residual: PlanGraph.Operand?
        var rectifies = false
        if let adder = onlyReader(of: result), graph.items[adder].work.isElementwise(.binary(.add)),
            let other = graph.items[adder].inputs.first(where: { $0.view.base != result }), isWholeBlocked(other),
            graph.isReal(other.view.base), !graph.depends(other.view.base, on: index)
        {
            residual = other
            result = graph.items[adder].outputs[0]
        }
        if let rectifier = onlyReader(of: result), graph.items[rectifier].work.isElementwise(.unary(.relu)) {
            rectifies = true
            result = graph.items[rectifier].outputs[0]
        }
        guard residual != nil || rectifies else { return }
        let folded = BatchNormTraining(epsilon: norm.epsilon, addsResidual: residual != nil, rectifies: rectifies)
        let operands = graph.items[index].inputs + (residual.map { [$0] } ?? [])
        replace(index, with: folded, operands, outputs: [result] + graph.items[index].outputs.dropFirst())
    }

    // MARK: Backward

    private mutating func fold(_ gradient: BatchNormGradient, _ index: Int) {
        let arrived = graph.items[index].inputs[0]
        guard isWholeBlocked(arrived), let product = graph.producer(of: arrived.view.base),
            graph.items[product].work.isElementwise(.binary(.multiply)),
            let (source, output) = maskedParts(graph.items[product].inputs)
        else { return }
        var operands = graph.items[index].inputs
        var addsSecond = false
        operands[0] = source
        if let sum = graph.producer(of: source.view.base), onlyReader(of: source.view.base) == product,
            graph.items[sum].work.isElementwise(.binary(.add)), graph.items[sum].inputs.allSatisfy(isWholeBlocked)
        {
            operands[0] = graph.items[sum].inputs[0]
            operands.append(graph.items[sum].inputs[1])
            addsSecond = true
        }
        operands.append(output)
        let keeps = onlyReader(of: arrived.view.base) != index
        let folded = BatchNormGradient(
            epsilon: gradient.epsilon, addsSecond: addsSecond, isRectified: true, keepsGradient: keeps)
        replace(index, with: folded, operands, outputs: graph.items[index].outputs + (keeps ? [arrived.view.base] : []))
    }

    /// The gradient and the rectifier's output, where the factors are a gradient and the mask (output > 0).
    private func maskedParts(_ factors: [PlanGraph.Operand]) -> (source: PlanGraph.Operand, output: PlanGraph.Operand)?
    {
        for (mask, source) in [(factors[1], factors[0]), (factors[0], factors[1])] {
            guard isWholeBlocked(source), graph.isReal(source.view.base), isWholeBlocked(mask),
                let cast = graph.producer(of: mask.view.base), graph.items[cast].work.isElementwise(.cast),
                let comparison = graph.producer(of: graph.items[cast].inputs[0].view.base),
                graph.items[comparison].work.isElementwise(.binary(.greater)),
                graph.isZero(graph.items[comparison].inputs[1])
            else { continue }
            let output = graph.items[comparison].inputs[0]
            if isWholeBlocked(output), graph.isReal(output.view.base), output.type == source.type {
                return (source, output)
            }
        }
        return nil
    }

    // MARK: Rewriting

    private mutating func replace(
        _ index: Int, with folded: any Composite, _ operands: [PlanGraph.Operand], outputs: [Int]
    ) {
        guard backend.hasKernel(for: folded, operands: operands.map(\.layout)) else { return }
        let old = graph.items[index]
        graph.items[index].work = .primitive(.composite(CompositeCall(folded)))
        graph.items[index].inputs = operands
        graph.items[index].outputs = outputs
        for base in old.outputs where !outputs.contains(base) { graph.bases[base].kind = .empty }
        for base in outputs { graph.bases[base].kind = .produced(item: index) }
        graph.dropUnread()
        readers = graph.readers
        hasChanged = true
    }

    private func isWholeBlocked(_ operand: PlanGraph.Operand) -> Bool {
        operand.blockedShape != nil && graph.isWhole(operand)
    }

    private func onlyReader(of base: Int) -> Int? {
        guard !graph.bases[base].isKept, readers[base].count == 1, let reader = readers[base].first, reader >= 0 else {
            return nil
        }
        return reader
    }
}

/// The composites that the fusion looks for.
private protocol BatchNormComposite: Composite {}
extension BatchNormTraining: BatchNormComposite {}
extension BatchNormGradient: BatchNormComposite {}
