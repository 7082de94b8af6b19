import MartletGraph

/// From recorded nodes to items over views: view primitives become strides, numbers become scalars, composites without a
/// kernel become their bodies, empty results disappear.
package struct Lowering {
    package internal(set) var graph: PlanGraph
    let backend: any Backend
    /// Operands in channel blocks whose elements were brought into the plain layout already; and those brought into blocks.
    var converted: [Operand: Operand] = [:]
    var blockedCopies: [BlockedKey: Operand] = [:]
    private var quantized: [QuantizedKey: [Operand]] = [:]
    /// Numbers that bodies of composites worked out, and how many bodies are being lowered.
    private var sharedNumbers: [NumberKey: Operand] = [:]
    private var bodyDepth = 0

    /// x·1 and x/1 are x.
    private let simplifies: Bool

    package init(argumentCount: Int, backend: any Backend) {
        let passes = PlanSettings.current.passes
        graph = PlanGraph(argumentCount: argumentCount)
        self.backend = PassFilter.filtered(backend, passes)
        simplifies = passes.contains(.simplification)
    }

    package typealias Operand = PlanGraph.Operand

    /// A leaf with the strides it has in memory; the pointer of the run includes its offset.
    ///
    /// - Parameter isStable: it rarely changes.
    package mutating func addLeaf(
        _ index: Int, _ type: TensorType, _ realized: Realized, isStable: Bool = false
    ) -> Operand {
        let operand = leaf(index, type, realized)
        if isStable { markStable(operand) }
        return operand
    }

    /// Notes that an operand, where it is a leaf, rarely changes.
    mutating func markStable(_ operand: Operand) {
        if case .leaf = graph.bases[operand.view.base].kind { graph.bases[operand.view.base].isStable = true }
    }

    private mutating func leaf(_ index: Int, _ type: TensorType, _ realized: Realized) -> Operand {
        if let block = realized.block {
            let base = graph.addBase(.leaf(index), TensorType(ChannelBlocks.shape(type.shape, block), type.dtype))
            graph.bases[base].blockedShape = type.shape
            return graph.whole(base)
        }
        let base = graph.addBase(type.shape.elementCount == 0 ? .empty : .leaf(index), type)
        return Operand(
            view: View(base: base, strides: realized.strides ?? type.shape.contiguousStrides, offset: .init()),
            type: type)
    }

    /// What is lowered next was recorded as this node.
    mutating func comes(from node: Node) {
        graph.origin = node.origin
        graph.isInference = node.isInference
    }

    package mutating func keep(_ base: Int) { graph.bases[base].isKept = true }

    package mutating func materialized(_ operand: Operand) -> Operand { graph.materialized(operand) }
    package mutating func copied(_ operand: Operand) -> Operand { graph.copied(operand) }

    /// Lowers one node; the operands are lowered already.
    package mutating func lower(
        _ primitive: Primitive, _ given: [Operand], _ types: [TensorType], arguments: [ArgumentReference]
    ) -> [Operand] {
        let operands = isLayoutAware(primitive) ? given : given.map { plain($0) }
        switch primitive {
        case .leaf, .placeholder: stop("\(primitive.family.name) cannot be lowered")
        case .constant(.argument): return [virtual(.scalar(arguments[0]), types[0], strides: [])]
        case .constant(.structural(let dtype, let value)):
            let scalar = dtype.isFloatingPoint ? Scalar(value) : Scalar(DataType.int64.integer(from: value))
            return [virtual(.scalar(.fixed(scalar)), types[0], strides: [])]
        case .iota(let iota):
            return [virtual(.index, types[0], strides: iota.shape.indices.map { $0 == iota.axis ? 1 : 0 })]
        case .randomBits:
            let kind = PlanGraph.Base.Kind.random(key: operands[0].view, start: operands[1].view)
            return [virtual(kind, types[0], strides: types[0].shape.contiguousStrides)]
        case .unary(let function): return elementwise(.unary(function), operands, types[0])
        case .binary(let function):
            if simplifies, let simpler = simplified(function, operands) { return [simpler] }
            return elementwise(.binary(function), operands, types[0])
        case .select: return elementwise(.select, operands, types[0])
        case .cast: return elementwise(.cast, operands, types[0])
        case .alias(let alias) where alias.isFence: return [graph.fenced(operands[0], after: operands[1])]
        case .alias, .collective(_): return [operands[0]]
        case .copy: return [operands[0]]
        case .reshape(let reshape): return [reshaped(operands[0], reshape.shape, types[0])]
        case .permute(let permute):
            var view = operands[0].view
            view.strides = permute.order.map { operands[0].view.strides[$0] }
            return [Operand(view: view, type: types[0])]
        case .expand(let expand): return [expanded(operands[0], expand.shape)]
        case .slice(let slice):
            if let part = blockedSlice(slice, operands[0], arguments) { return [part] }
            return [sliced(plain(operands[0]), slice, arguments)]
        case .flip(let flip):
            var view = operands[0].view
            for axis in flip.axes where types[0].shape[axis] > 0 {
                view.offset.constant += (types[0].shape[axis] - 1) * view.strides[axis]
                view.strides[axis] = -view.strides[axis]
            }
            return [Operand(view: view, type: types[0])]
        case .reduce(let reduce): return [reduced(reduce, operands[0], types[0])]
        case .concatenate:
            return kernel(primitive, operands.filter { $0.type.shape.elementCount > 0 }, types, arguments)
        case .updateSlice:
            if operands[1].type.shape.elementCount == 0 { return [operands[0]] }
            return kernel(primitive, operands, types, arguments)
        case .matmul(let product):
            if operands[0].type.shape.sizes.last == 0 { return emptyProduct(product, operands, types[0]) }
            return kernel(primitive, operands, types, arguments)
        case .composite(let call):
            if backend.hasKernel(for: call.composite, operands: operands.map(\.layout)) {
                guard let quantize = call.composite as? Quantize else {
                    return kernel(primitive, operands, types, arguments)
                }
                // Branches that read one value quantize it once.
                let key = QuantizedKey(operand: operands[0], quantize: quantize)
                let result = quantized[key] ?? kernel(primitive, operands, types, arguments)
                quantized[key] = result
                return result
            }
            return inlined(call, operands)
        case .scatter, .indexAdd:
            if operands[2].type.shape.elementCount == 0 { return [operands[0]] }
            return kernel(primitive, operands, types, arguments)
        case .cumulativeSum: return kernel(primitive, [cast(operands[0], to: types[0].dtype)], types, arguments)
        case .gather, .indexSelect, .sort, .argReduce, .convolution, .convolutionInputGradient,
            .convolutionWeightGradient, .maxPool, .averagePool, .averagePoolGradient, .linearAlgebra:
            return kernel(primitive, operands, types, arguments)
        }
    }

    // MARK: Sources and elementwise work

    private mutating func virtual(_ kind: PlanGraph.Base.Kind, _ type: TensorType, strides: [Int]) -> Operand {
        let base = graph.addBase(type.shape.elementCount == 0 ? .empty : kind, type)
        return Operand(view: View(base: base, strides: strides, offset: .init()), type: type)
    }

    private mutating func elementwise(
        _ operation: FusedKernel.Operation, _ operands: [Operand], _ type: TensorType
    ) -> [Operand] {
        if type.shape.elementCount == 0 { return [virtual(.empty, type, strides: type.shape.contiguousStrides)] }
        if operands.contains(where: { $0.blockedShape != nil }) { return blockedElementwise(operation, operands, type) }
        guard bodyDepth > 0, type.shape.rank == 0 else {
            return graph.addItem(.elementwise(operation), operands, [type])
        }
        // The updates of many parameters work out the same numbers.
        let key = NumberKey(operation: operation, operands: operands.map(numberOperand), type: type)
        let result = sharedNumbers[key] ?? graph.addItem(.elementwise(operation), operands, [type])[0]
        sharedNumbers[key] = result
        return [result]
    }

    private func numberOperand(_ operand: Operand) -> NumberKey.Operand {
        guard case .scalar(let reference) = graph.bases[operand.view.base].kind else { return .value(operand) }
        return .number(reference, operand.type)
    }

    /// The operand in another type, where a kernel counts in its result's.
    private mutating func cast(_ operand: Operand, to dtype: DataType) -> Operand {
        if operand.type.dtype == dtype { return operand }
        return elementwise(.cast, [operand], TensorType(operand.valueType.shape, dtype))[0]
    }

    /// x·1 and x/1 are x. (x + 0 is not: it turns -0 into 0.)
    private func simplified(_ function: BinaryFunction, _ operands: [Operand]) -> Operand? {
        switch function {
        case .multiply:
            if isOne(operands[1]) { return operands[0] }
            return isOne(operands[0]) ? operands[1] : nil
        case .divide: return isOne(operands[1]) ? operands[0] : nil
        default: return nil
        }
    }

    private func isOne(_ operand: Operand) -> Bool {
        guard case .scalar(.fixed(let scalar)) = graph.bases[operand.view.base].kind else { return false }
        return operand.type.dtype.isFloatingPoint ? scalar.real == 1 : scalar.integer == 1
    }

    // MARK: Views

    private mutating func reshaped(_ operand: Operand, _ shape: Shape, _ type: TensorType) -> Operand {
        if type.shape.elementCount == 0 { return Operand(view: emptied(operand.view, type), type: type) }
        if let strides = View.reshapedStrides(operand.type.shape, operand.view.strides, as: shape) {
            var view = operand.view
            view.strides = strides
            return Operand(view: view, type: type)
        }
        return reshaped(graph.copied(operand), shape, type)
    }

    private func emptied(_ view: View, _ type: TensorType) -> View {
        View(base: view.base, strides: type.shape.contiguousStrides, offset: .init())
    }

    private func expanded(_ operand: Operand, _ shape: Shape) -> Operand {
        let extra = shape.rank - operand.type.shape.rank
        var view = operand.view
        view.strides = (0..<shape.rank).map { axis in
            axis < extra || operand.type.shape[axis - extra] != shape[axis] ? 0 : operand.view.strides[axis - extra]
        }
        if PlannedBug.planted == .wrongBroadcastStride, let axis = view.strides.lastIndex(where: { $0 != 0 }) {
            view.strides[axis] = 0
        }
        return Operand(view: view, type: TensorType(shape, operand.type.dtype))
    }

    private func sliced(_ operand: Operand, _ slice: Slice, _ arguments: [ArgumentReference]) -> Operand {
        var view = operand.view
        for axis in slice.sizes.indices {
            view.offset.add(arguments[axis], times: operand.view.strides[axis])
            view.strides[axis] = operand.view.strides[axis] * slice.steps[axis]
        }
        return Operand(view: view, type: TensorType(Shape(slice.sizes), operand.type.dtype))
    }

    // MARK: Kernels

    private mutating func reduced(_ reduce: Reduce, _ given: Operand, _ type: TensorType) -> Operand {
        // Whether some or all are not 0 is asked of truths: the largest of -1 and 0 is 0.
        let operand = reduce.kind == .any || reduce.kind == .all ? cast(given, to: .bool) : given
        if type.shape.elementCount == 0 { return virtual(.empty, type, strides: type.shape.contiguousStrides) }
        if operand.type.shape.elementCount == 0 {
            // The sum of nothing is 0, the product 1; an empty maximum was an error when it was recorded.
            let value: Double = reduce.kind == .product || reduce.kind == .all ? 1 : 0
            return filled(value, type)
        }
        if operand.blockedShape != nil {
            if let result = blockedReduction(reduce, operand, type) { return result }
            return reduced(reduce, plain(operand), type)
        }
        return graph.addItem(.reduce(reduce), [operand], [type])[0]
    }

    private mutating func filled(_ value: Double, _ type: TensorType) -> Operand {
        let scalar = type.dtype.isFloatingPoint ? Scalar(value) : Scalar(Int(value))
        let number = virtual(.scalar(.fixed(scalar)), TensorType([], type.dtype), strides: [])
        return expanded(number, type.shape)
    }

    private mutating func emptyProduct(_ product: MatrixProduct, _ operands: [Operand], _ type: TensorType) -> [Operand]
    {
        [product.hasBias ? expanded(operands[2], type.shape) : filled(0, type)]
    }

    mutating func kernel(
        _ primitive: Primitive, _ operands: [Operand], _ types: [TensorType], _ arguments: [ArgumentReference]
    ) -> [Operand] {
        if types.allSatisfy({ $0.shape.elementCount == 0 }) {
            return types.map { virtual(.empty, $0, strides: $0.shape.contiguousStrides) }
        }
        let wanted = backend.layouts(
            primitive,
            operands: operands.map(\.layout),
            results: types)
        if let wanted { return blockedKernel(primitive, operands, types, arguments, wanted) }
        let ready = operands.map { plain($0) }.enumerated().map { index, operand in
            if case .scalar = graph.bases[operand.view.base].kind, operand.type.shape.rank == 0,
                backend.acceptsNumber(primitive, operand: index)
            {
                return operand
            }
            if graph.isReal(operand.view.base),
                backend.acceptsStrides(primitive, operand: index) || PlannedBug.planted == .missingMaterialization
            {
                return operand
            }
            return graph.materialized(operand)
        }
        return graph.addItem(.primitive(primitive), ready, types, arguments: arguments)
    }

    /// The body of a composite in its place.
    private mutating func inlined(_ call: CompositeCall, _ operands: [Operand]) -> [Operand] {
        let trace = Recording(transformation: call.name)
        bodyDepth += 1
        defer {
            bodyDepth -= 1
            trace.discard()
        }
        var inputs: [Value] = []
        let outputs = Recording.with(trace) {
            Modes.with({ $0.recordsHistory = false }) {
                inputs = operands.map { Value.placeholder($0.valueType) }
                return call.composite.body(inputs)
            }
        }
        var lowered: [ObjectIdentifier: [Operand]] = [:]
        for (input, operand) in zip(inputs, operands) { lowered[ObjectIdentifier(input.node)] = [operand] }
        for node in Trace.nodes(behind: outputs, in: trace) where lowered[ObjectIdentifier(node)] == nil {
            let own = node.operands.map { found($0, in: lowered, call) }
            let types = (0..<node.resultCount).map { node.type(of: $0) }
            lowered[ObjectIdentifier(node)] = lower(
                node.primitive, own, types, arguments: node.arguments.map { .fixed($0) })
        }
        return outputs.map { found($0, in: lowered, call) }
    }

    private func found(_ value: Value, in lowered: [ObjectIdentifier: [Operand]], _ call: CompositeCall) -> Operand {
        guard let results = lowered[ObjectIdentifier(value.node)] else {
            stop("\(call.name): its body reads the result of \(value.node.primitive.family.name) from outside")
        }
        return results[value.index]
    }
}

/// A number and how it was made.
private struct NumberKey: Hashable {
    enum Operand: Hashable {
        case number(ArgumentReference, TensorType)
        case value(PlanGraph.Operand)
    }
    let operation: FusedKernel.Operation
    let operands: [Operand]
    let type: TensorType
}

/// A value and how it was quantized.
private struct QuantizedKey: Hashable {
    let operand: PlanGraph.Operand
    let quantize: Quantize
}
