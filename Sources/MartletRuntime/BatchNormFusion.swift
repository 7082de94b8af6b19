import MartletGraph

/// Folds what surrounds a batch normalisation into its kernel: the addition of a residual and the rectifier that follow it,
/// the rectifier's derivative and the sum of two gradients that come before its own. Each is one pass over memory less.
///
/// Only kernels are folded into: a batch normalisation whose body runs is elementwise work by now, which fuses by itself.
struct BatchNormFusion {
    private var folding: Folding
    private var graph: PlanGraph { folding.graph }

    static func applied(to graph: PlanGraph, backend: any Backend) -> PlanGraph {
        let calls = graph.items.indices.filter { graph.items[$0].composite is any BatchNormComposite }
        guard !calls.isEmpty else { return graph }
        var fusion = BatchNormFusion(folding: Folding(graph, backend))
        for index in calls {
            switch fusion.graph.items[index].composite {
            case let norm as BatchNormTraining: fusion.fold(norm, index)
            case let gradient as BatchNormGradient: fusion.fold(gradient, index)
            default: break
            }
        }
        return fusion.folding.result
    }

    private mutating func fold(_ norm: BatchNormTraining, _ index: Int) {
        let item = graph.items[index]
        guard var result = item.outputs.first else { return }
        let addition = folding.onlyAddition(of: result, in: index)
        if let addition { result = graph.items[addition.adder].outputs[0] }
        let rectifier = folding.onlyRectifier(of: result)
        if let rectifier { result = graph.items[rectifier].outputs[0] }
        guard addition != nil || rectifier != nil else { return }
        let folded = BatchNormTraining(
            epsilon: norm.epsilon, addsResidual: addition != nil, rectifies: rectifier != nil)
        let operands = item.inputs + (addition.map { [$0.other] } ?? [])
        folding.replace(index, with: folded, operands, outputs: [result] + item.outputs.dropFirst())
    }

    private mutating func fold(_ gradient: BatchNormGradient, _ index: Int) {
        let item = graph.items[index]
        // One that nobody reads went when another was folded.
        guard let arrived = item.inputs.first, folding.isWholeBlocked(arrived),
            let choice = graph.producer(of: arrived.view.base),
            let (source, output) = maskedParts(of: choice)
        else { return }
        var operands = item.inputs
        operands[0] = source
        let terms = sum(source, readBy: choice)
        if let terms {
            operands[0] = terms[0]
            operands.append(terms[1])
        }
        operands.append(output)
        let keeps = folding.onlyReader(of: arrived.view.base) != index
        // What is kept is made by the folded item: nothing else that it reads may stand on it.
        if keeps, item.inputs.dropFirst().contains(where: { graph.depends($0.view.base, on: choice) }) { return }
        let folded = BatchNormGradient(
            epsilon: gradient.epsilon, addsSecond: terms != nil, isRectified: true, keepsGradient: keeps)
        folding.replace(index, with: folded, operands, outputs: item.outputs + (keeps ? [arrived.view.base] : []))
    }

    /// The two gradients whose sum an item alone reads.
    private func sum(_ operand: PlanGraph.Operand, readBy reader: Int) -> [PlanGraph.Operand]? {
        guard let adder = graph.producer(of: operand.view.base),
            folding.onlyReader(of: operand.view.base) == reader,
            graph.items[adder].work.isElementwise(.binary(.add)),
            graph.items[adder].inputs.allSatisfy(folding.isWholeBlocked)
        else { return nil }
        return graph.items[adder].inputs
    }

    /// The gradient and the rectifier's output, where an item is a rectifier's derivative.
    private func maskedParts(of choice: Int) -> (source: PlanGraph.Operand, output: PlanGraph.Operand)? {
        guard let comparison = graph.rectifierComparison(of: choice) else { return nil }
        let (source, output) = (graph.items[choice].inputs[1], graph.items[comparison].inputs[0])
        guard [source, output].allSatisfy({ folding.isWholeBlocked($0) && graph.isReal($0.view.base) }),
            output.type == source.type
        else { return nil }
        return (source, output)
    }
}

/// The composites that the fusion looks for.
private protocol BatchNormComposite: Composite {}
extension BatchNormTraining: BatchNormComposite {}
extension BatchNormGradient: BatchNormComposite {}
