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
        let scaling = scaling(of: result)
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

    /// A multiplication and then an addition, each by one number a channel, that alone read a base; between casts to float32 and
    /// back where the base is of a narrower type.
    private func scaling(
        of base: Int
    ) -> (factor: PlanGraph.Operand, shift: PlanGraph.Operand, result: Int)? {
        let dtype = graph.bases[base].type.dtype
        var base = base
        if dtype == .bfloat16 {
            guard let widened = cast(of: base, to: .float32) else { return nil }
            base = widened
        }
        guard let product = folding.onlyReader(of: base), graph.items[product].work.isElementwise(.binary(.multiply)),
            let factor = channels(graph.items[product].inputs, beside: base),
            let sum = folding.onlyReader(of: graph.items[product].outputs[0]),
            graph.items[sum].work.isElementwise(.binary(.add)),
            let shift = channels(graph.items[sum].inputs, beside: graph.items[product].outputs[0])
        else { return nil }
        let result = graph.items[sum].outputs[0]
        guard let narrowed = dtype == .bfloat16 ? cast(of: result, to: dtype) : result else { return nil }
        return (factor, shift, narrowed)
    }

    /// What a cast makes that alone reads a base, whole and in blocks.
    private func cast(of base: Int, to dtype: DataType) -> Int? {
        guard let reader = folding.onlyReader(of: base), graph.items[reader].work.isElementwise(.cast),
            folding.isWholeBlocked(graph.items[reader].inputs[0]),
            graph.bases[graph.items[reader].outputs[0]].type.dtype == dtype
        else { return nil }
        return graph.items[reader].outputs[0]
    }

    /// The operand beside `base`, where it is memory of one number a channel that is met in blocks; as a vector.
    private func channels(_ operands: [PlanGraph.Operand], beside base: Int) -> PlanGraph.Operand? {
        guard operands.count == 2, operands.contains(where: { $0.view.base == base && folding.isWholeBlocked($0) }),
            let other = operands.first(where: { $0.view.base != base }), other.view.offset.isZero,
            graph.isReal(other.view.base), other.type.shape.rank >= 4
        else { return nil }
        let rank = other.type.shape.rank
        let size = other.type.shape[rank - 1]
        let wanted = (0..<rank).map { $0 == 1 ? size : $0 == rank - 1 ? 1 : 0 }
        let channels = other.type.shape[1] * size
        // An axis of one element has any stride.
        let fits = (0..<rank).allSatisfy { other.view.strides[$0] == wanted[$0] || other.type.shape[$0] == 1 }
        guard fits, graph.bases[other.view.base].type.shape.elementCount == channels else { return nil }
        return PlanGraph.Operand(
            view: View(base: other.view.base, strides: [1], offset: other.view.offset),
            type: TensorType([channels], other.type.dtype))
    }
}
