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

    /// The value in blocks of a size: a reorder where it lies otherwise.
    mutating func blocked(_ operand: Operand, _ size: Int) -> Operand {
        if operand.block == size { return operand }
        let key = BlockedKey(operand: operand, size: size)
        if let known = blockedCopies[key] { return known }
        let source = inBlockedSpace(operand, size)
        let result = graph.addItem(
            .elementwise(.cast), [source], [source.type], blockedShapes: [operand.valueType.shape])[0]
        blockedCopies[key] = result
        return result
    }

    /// A view of the elements that walks them in the order of blocks of a size.
    private mutating func inBlockedSpace(_ operand: Operand, _ size: Int) -> Operand {
        if operand.block == size { return operand }
        var view = operand.view
        let type = TensorType(ChannelBlocks.shape(operand.valueType.shape, size), operand.type.dtype)
        if let block = operand.block {
            // One block of all channels falls into smaller ones; other blocks meet by way of plain elements.
            guard operand.type.shape[1] == 1, block % size == 0 else { return inBlockedSpace(plain(operand), size) }
            view.strides[1] = size * view.strides[view.strides.count - 1]
        } else {
            view.strides = ChannelBlocks.strides(view.strides, size)
        }
        return Operand(view: view, type: type)
    }

    /// The blocks in which values meet: those that all blocked ones share, else the smallest that kernels know.
    private func commonBlock(_ operands: [Operand]) -> Int {
        let blocks = Set(operands.compactMap(\.block))
        return blocks.count == 1 ? blocks.first ?? ChannelBlocks.size : ChannelBlocks.size
    }

    /// A slice of whole channel blocks, whose start is known when the plan is made, as memory of its own; nil for others.
    mutating func blockedSlice(_ slice: Slice, _ operand: Operand, _ arguments: [ArgumentReference]) -> Operand? {
        guard let shape = operand.blockedShape, let block = operand.block, slice.steps.allSatisfy({ $0 == 1 }),
            case .fixed(let start) = arguments[1], start.integer % ChannelBlocks.size == 0,
            ChannelBlocks.fit(Shape(slice.sizes)),
            shape.indices.allSatisfy({ $0 == 1 || slice.sizes[$0] == shape[$0] })
        else { return nil }
        // Of channels that all lie side by side some do too.
        let isLast = block == shape[1]
        let size = isLast ? slice.sizes[1] : block
        guard isLast || start.integer % block == 0 && ChannelBlocks.fit(Shape(slice.sizes), block) else { return nil }
        var view = operand.view
        if isLast {
            view.offset.add(.fixed(Scalar(start.integer)), times: view.strides[view.strides.count - 1])
        } else {
            view.offset.add(.fixed(Scalar(start.integer / block)), times: view.strides[1])
        }
        let type = TensorType(ChannelBlocks.shape(Shape(slice.sizes), size), operand.type.dtype)
        let source = Operand(view: view, type: type)
        return graph.addItem(.elementwise(.cast), [source], [type], blockedShapes: [Shape(slice.sizes)])[0]
    }

    mutating func blockedElementwise(
        _ operation: FusedKernel.Operation, _ operands: [Operand], _ type: TensorType
    ) -> [Operand] {
        let size = commonBlock(operands)
        var met: [Operand] = []
        for operand in operands { met.append(inBlockedSpace(operand, size)) }
        return graph.addItem(
            .elementwise(operation), met, [TensorType(ChannelBlocks.shape(type.shape, size), type.dtype)],
            blockedShapes: [type.shape])
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
        for (operand, block) in zip(operands, wanted.operands) {
            ready.append(block.map { blocked(operand, $0) } ?? graph.materialized(plain(operand)))
        }
        let placed = zip(types, wanted.results).map { type, block in
            block.map { TensorType(ChannelBlocks.shape(type.shape, $0), type.dtype) } ?? type
        }
        return graph.addItem(
            .primitive(primitive), ready, placed, arguments: arguments,
            blockedShapes: zip(types, wanted.results).map { $1 == nil ? nil : $0.shape })
    }
}

/// A value that was brought into blocks, and their size.
struct BlockedKey: Hashable {
    let operand: PlanGraph.Operand
    let size: Int
}
