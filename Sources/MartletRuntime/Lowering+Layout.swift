import MartletGraph

// Channel blocks through the graph: convolutions give them, elementwise work and reductions take them as they come, and
// whatever else meets them gets plain elements. A blocked value is an ordinary one of one axis more, so that fusion,
// memory and kernels need to know nothing of it.

extension Lowering {
    /// True where the rule below takes blocked operands as they are; every other primitive sees plain ones.
    func isLayoutAware(_ primitive: Primitive) -> Bool {
        switch primitive {
        case .unary, .binary, .select, .cast, .alias, .copy, .reduce, .convolution, .convolutionInputGradient,
            .convolutionWeightGradient, .maxPool, .averagePool, .averagePoolGradient, .composite, .concatenate, .slice,
            .collective:
            true
        case .leaf, .placeholder, .constant, .iota, .randomBits, .reshape, .permute, .expand, .flip, .updateSlice,
            .gather, .scatter, .indexSelect, .indexAdd, .sort, .argReduce, .cumulativeSum, .matmul,
            .linearAlgebra:
            false
        }
    }

    /// The value with plain strides: a reorder where it lies in blocks.
    mutating func plain(_ operand: Operand) -> Operand {
        guard let shape = operand.blockedShape else { return operand }
        if let known = converted[operand] { return known }
        var view = operand.view
        view.strides = ChannelBlocks.inRowMajorOrder(view.strides)
        let type = TensorType(ChannelBlocks.inRowMajorOrder(operand.type.shape), operand.type.dtype)
        let copy = graph.copied(Operand(view: view, type: type))
        let result = Operand(
            view: View(base: copy.view.base, strides: shape.contiguousStrides, offset: .init()), type: operand.valueType
        )
        converted[operand] = result
        return result
    }

    /// The value in blocks: a reorder where it is plain.
    mutating func blocked(_ operand: Operand) -> Operand {
        if operand.blockedShape != nil { return operand }
        if let known = converted[operand] { return known }
        let source = inBlockedSpace(operand)
        let result = graph.addItem(
            .elementwise(.cast), [source], [source.type], blockedShapes: [operand.type.shape])[0]
        converted[operand] = result
        return result
    }

    /// A view of the elements that walks them in the order of blocks.
    private func inBlockedSpace(_ operand: Operand) -> Operand {
        if operand.blockedShape != nil { return operand }
        var view = operand.view
        view.strides = ChannelBlocks.strides(view.strides)
        return Operand(view: view, type: TensorType(ChannelBlocks.shape(operand.type.shape), operand.type.dtype))
    }

    /// A slice of whole channel blocks, whose start is known when the plan is made, as memory of its own; nil for others.
    mutating func blockedSlice(_ slice: Slice, _ operand: Operand, _ arguments: [ArgumentReference]) -> Operand? {
        guard let shape = operand.blockedShape, slice.steps.allSatisfy({ $0 == 1 }),
            case .fixed(let start) = arguments[1], start.integer % ChannelBlocks.size == 0,
            ChannelBlocks.fit(Shape(slice.sizes)),
            shape.indices.allSatisfy({ $0 == 1 || slice.sizes[$0] == shape[$0] })
        else { return nil }
        var view = operand.view
        view.offset.add(.fixed(Scalar(start.integer / ChannelBlocks.size)), times: view.strides[1])
        let type = TensorType(ChannelBlocks.shape(Shape(slice.sizes)), operand.type.dtype)
        let source = Operand(view: view, type: type)
        return graph.addItem(.elementwise(.cast), [source], [type], blockedShapes: [Shape(slice.sizes)])[0]
    }

    mutating func blockedElementwise(
        _ operation: FusedKernel.Operation, _ operands: [Operand], _ type: TensorType
    ) -> [Operand] {
        graph.addItem(
            .elementwise(operation), operands.map { inBlockedSpace($0) },
            [TensorType(ChannelBlocks.shape(type.shape), type.dtype)], blockedShapes: [type.shape])
    }

    /// A reduction over all spatial axes at least: what remains of the channels is plain again. Nil for others.
    mutating func blockedReduction(_ reduce: Reduce, _ operand: Operand, _ type: TensorType) -> Operand? {
        guard let shape = operand.blockedShape, (2..<shape.rank).allSatisfy({ reduce.axes.contains($0) }) else {
            return nil
        }
        var axes = reduce.axes
        if axes.contains(1) { axes.append(shape.rank) }
        let kept = operand.type.shape.indices.filter { !axes.contains($0) }.map { operand.type.shape[$0] }
        let result = graph.addItem(
            .reduce(Reduce(reduce.kind, axes)), [operand], [TensorType(Shape(kept), type.dtype)])[0]
        return Operand(
            view: View(base: result.view.base, strides: type.shape.contiguousStrides, offset: .init()), type: type)
    }

    /// A kernel with the layouts it asked for.
    mutating func blockedKernel(
        _ primitive: Primitive, _ operands: [Operand], _ types: [TensorType], _ arguments: [ArgumentReference],
        _ wanted: StepLayouts
    ) -> [Operand] {
        var ready: [Operand] = []
        for (operand, isBlocked) in zip(operands, wanted.operands) {
            ready.append(isBlocked ? blocked(operand) : graph.materialized(plain(operand)))
        }
        let placed = zip(types, wanted.results).map { type, isBlocked in
            isBlocked ? TensorType(ChannelBlocks.shape(type.shape), type.dtype) : type
        }
        return graph.addItem(
            .primitive(primitive), ready, placed, arguments: arguments,
            blockedShapes: zip(types, wanted.results).map { $1 ? $0.shape : nil })
    }
}
