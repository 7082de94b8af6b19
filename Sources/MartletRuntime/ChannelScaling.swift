import MartletGraph

/// A multiplication and then an addition, each by one number a channel.
struct ChannelScaling {
    /// As vectors of a number a channel.
    let factor: PlanGraph.Operand
    let shift: PlanGraph.Operand
    /// The base that holds what they make.
    let result: Int
}

extension Folding {
    /// The scaling that alone reads a base; between casts to float32 and back where the base is of a narrower type.
    func scaling(of given: Int) -> ChannelScaling? {
        let dtype = graph.bases[given].type.dtype
        guard let base = dtype == .bfloat16 ? cast(of: given, to: .float32) : given,
            let product = onlyReader(of: base), isElementwise(.binary(.multiply), product),
            let factor = channels(graph.items[product].inputs, beside: base),
            let sum = onlyReader(of: graph.items[product].outputs[0]),
            isElementwise(.binary(.add), sum),
            let shift = channels(graph.items[sum].inputs, beside: graph.items[product].outputs[0])
        else { return nil }
        let wide = graph.items[sum].outputs[0]
        guard let result = dtype == .bfloat16 ? cast(of: wide, to: dtype) : wide else { return nil }
        return ChannelScaling(factor: factor, shift: shift, result: result)
    }

    /// What a cast makes that alone reads a base, whole and in blocks.
    private func cast(of base: Int, to dtype: DataType) -> Int? {
        guard let reader = onlyReader(of: base), isElementwise(.cast, reader),
            isWholeBlocked(graph.items[reader].inputs[0]),
            graph.bases[graph.items[reader].outputs[0]].type.dtype == dtype
        else { return nil }
        return graph.items[reader].outputs[0]
    }

    /// The operand beside `base`, where it is memory of one number a channel that is met in blocks; as a vector.
    private func channels(_ operands: [PlanGraph.Operand], beside base: Int) -> PlanGraph.Operand? {
        guard operands.count == 2, operands.contains(where: { $0.view.base == base && isWholeBlocked($0) }),
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
