import MartletGraph

/// Folds what follows a convolution into its kernel, in inference: a factor and a shift for each channel (batch
/// normalisation with fixed statistics), a residual, a rectifier. The result is written once.
///
/// Only in inference: an engine's rectifier turns NaN into 0, and 16-bit results are rounded once instead of after each
/// operation (docs/decisions/0006).
struct ConvolutionFusion {
    private var folding: Folding
    private var graph: PlanGraph { folding.graph }

    static func applied(to graph: PlanGraph, backend: any Backend) -> PlanGraph {
        let convolutions = graph.items.indices.filter { index in
            if case .primitive(.convolution) = graph.items[index].work {
                graph.items[index].isInference
            } else {
                false
            }
        }
        guard !convolutions.isEmpty else { return graph }
        var fusion = ConvolutionFusion(folding: Folding(graph, backend))
        for index in convolutions {
            if case .primitive(.convolution(let convolution)) = fusion.graph.items[index].work {
                fusion.fold(convolution, index)
            }
        }
        return fusion.folding.result
    }

    private mutating func fold(_ convolution: Convolution, _ index: Int) {
        let item = graph.items[index]
        // One that nobody reads went when another was folded.
        guard var result = item.outputs.first else { return }
        var operands = item.inputs
        let scaling = folding.scaling(of: result)
        if let scaling {
            operands += [scaling.factor, scaling.shift]
            result = scaling.result
        }
        let addition = folding.onlyAddition(of: result, in: index)
        if let addition {
            operands.append(addition.other)
            result = graph.items[addition.adder].outputs[0]
        }
        let rectifier = folding.onlyRectifier(of: result)
        if let rectifier { result = graph.items[rectifier].outputs[0] }
        guard result != item.outputs[0] else { return }
        let folded = ConvolutionActivation(
            convolution, isScaled: scaling != nil, addsResidual: addition != nil, rectifies: rectifier != nil)
        folding.replace(index, with: folded, operands, outputs: [result])
    }
}
