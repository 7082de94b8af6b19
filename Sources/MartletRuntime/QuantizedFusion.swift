import MartletGraph

/// Folds what follows a convolution of integers into its kernel: batch normalisation with fixed statistics, a residual, a
/// rectifier, and the quantization of the next one's operand, so that 8 bits a number are written instead of 32.
struct QuantizedFusion {
    private var folding: Folding
    private var graph: PlanGraph { folding.graph }

    static func applied(to graph: PlanGraph, backend: any Backend) -> PlanGraph {
        let convolutions = graph.items.indices.filter { graph.items[$0].composite is QuantizedConvolution }
        guard !convolutions.isEmpty else { return graph }
        var fusion = QuantizedFusion(folding: Folding(graph, backend))
        for index in convolutions {
            if let convolution = fusion.graph.items[index].composite as? QuantizedConvolution {
                fusion.fold(convolution, index)
            }
        }
        return fusion.folding.result
    }

    private mutating func fold(_ convolution: QuantizedConvolution, _ index: Int) {
        let item = graph.items[index]
        guard let own = item.outputs.first else { return }
        var (result, operands) = (own, item.inputs)
        if let scaling = folding.scaling(of: result) {
            // (a·f + s)·f' + s' = a·(f·f') + (s·f' + s')
            let type = operands[2].type
            let shift = folding.added(.binary(.multiply), [operands[3], scaling.factor], type)
            operands[2] = folding.added(.binary(.multiply), [operands[2], scaling.factor], type)
            operands[3] = folding.added(.binary(.add), [shift, scaling.shift], type)
            result = scaling.result
        }
        let addition = folding.onlyAddition(of: result, in: index)
        if let addition {
            operands.append(addition.other)
            result = graph.items[addition.adder].outputs[0]
        }
        let rectifier = folding.onlyRectifier(of: result)
        if let rectifier { result = graph.items[rectifier].outputs[0] }
        var quantize: Quantize?
        if let reader = folding.onlyReader(of: result), let next = graph.items[reader].composite as? Quantize {
            quantize = next
            result = graph.items[reader].outputs[0]
        }
        guard result != own else { return }
        let folded = QuantizedConvolution(
            convolution.convolution, addsResidual: addition != nil, rectifies: rectifier != nil, result: quantize)
        folding.replace(index, with: folded, operands, outputs: [result])
    }
}
