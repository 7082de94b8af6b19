import MartletGraph

/// Folds what follows a convolution into its kernel, in inference: a factor and a shift for each channel (batch
/// normalisation with fixed statistics), a residual, a rectifier. The result is written once.
///
/// Only in inference: an engine's rectifier turns NaN into 0, 16-bit results are rounded once instead of after each operation, and
/// where a backend's post-operations are costly the factor is multiplied into 16-bit weights (docs/decisions/0006).
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
        var fusion = ConvolutionFusion(folding: Folding(graph, backend, isInference: true))
        for index in convolutions {
            if case .primitive(.convolution(let convolution)) = fusion.graph.items[index].work {
                fusion.fold(convolution, index)
            }
        }
        return fusion.folding.result
    }

    private mutating func fold(_ convolution: Convolution, _ index: Int) {
        // One that nobody reads went when another was folded.
        guard !graph.items[index].outputs.isEmpty else { return }
        let isLean = folding.hasCostlyPostOperations(in: graph.items[index].inputs[1].type.dtype)
        if isLean, fold(convolution, index, isLean: true) { return }
        _ = fold(convolution, index, isLean: false)
    }

    /// - Parameter isLean: the factor goes into the weights, and the residual is added in place.
    /// - Returns: whether anything was folded.
    private mutating func fold(_ convolution: Convolution, _ index: Int, isLean: Bool) -> Bool {
        let item = graph.items[index]
        var result = item.outputs[0]
        var (convolution, operands) = (convolution, item.inputs)
        var kind = ConvolutionActivation.Scaling.none
        if let scaling = folding.scaling(of: result) {
            if isLean {
                (convolution, operands) = multiplied(convolution, operands, by: scaling)
            } else {
                operands += [scaling.factor, scaling.shift]
            }
            kind = isLean ? .shift : .factorAndShift
            result = scaling.result
        }
        let addition = folding.onlyAddition(of: result, in: index)
        if let addition {
            operands.append(addition.other)
            result = graph.items[addition.adder].outputs[0]
        }
        let rectifier = folding.onlyRectifier(of: result)
        if let rectifier { result = graph.items[rectifier].outputs[0] }
        guard result != item.outputs[0] else { return false }
        let folded = ConvolutionActivation(
            convolution, scaling: kind, residual: addition == nil ? .none : isLean ? .inPlace : .added,
            rectifies: rectifier != nil)
        return folding.replace(index, with: folded, operands, outputs: [result])
    }

    /// The convolution with the factor in its weights, (w·f)∗x + (b·f + s) = (w∗x + b)·f + s, and the shift as its last operand.
    /// The weights are taken from before they were made narrow, so that they are rounded once.
    private mutating func multiplied(
        _ convolution: Convolution, _ operands: [PlanGraph.Operand], by scaling: ChannelScaling
    ) -> (Convolution, [PlanGraph.Operand]) {
        let (weight, vector) = (operands[1].type, scaling.factor.type)
        var factor = scaling.factor
        factor.view.strides += Array(repeating: 0, count: weight.shape.rank - 1)
        factor.type.shape = weight.shape
        let wide = folding.added(
            .binary(.multiply), [folding.widened(operands[1]), factor], TensorType(weight.shape, .float32))
        var result = [operands[0], folding.added(.cast, [wide], weight)]
        var shift = scaling.shift
        if convolution.hasBias {
            let bias = folding.added(.binary(.multiply), [folding.widened(operands[2]), scaling.factor], vector)
            shift = folding.added(.binary(.add), [bias, shift], vector)
        }
        result.append(shift)
        let unbiased = Convolution(
            strides: convolution.strides, paddingLow: convolution.paddingLow, paddingHigh: convolution.paddingHigh,
            dilations: convolution.dilations, groups: convolution.groups, hasBias: false)
        return (unbiased, result)
    }
}
