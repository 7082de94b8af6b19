/// A result of a node, with operators, promotion and broadcasting: what derivative rules, composites' bodies and reference
/// tests are written in. A `Value` never counts as held; a `Tensor`'s handle does.
package struct Value: Sendable {
    package var node: Node
    package let index: Int

    package init(node: Node, index: Int = 0) {
        self.node = node
        self.index = index
    }

    package var type: TensorType { node.type(of: index) }
    package var shape: Shape { type.shape }
    package var dtype: DataType { type.dtype }
    package var rank: Int { shape.rank }
    package var isDifferentiable: Bool { node.isDifferentiable && dtype.isFloatingPoint }
}

extension Value {
    /// Records a primitive: checks shapes and types, and gives its results.
    package static func record(
        _ primitive: Primitive, _ operands: [Value], arguments: [Scalar] = []
    ) throws(ShapeError) -> [Value] {
        let types = try primitive.family.resultTypes(of: operands.map(\.type), arguments: arguments)
        for type in types where type.shape.checkedElementCount == nil {
            throw ShapeError(
                primitive.family.name, "the result \(type.shape) has more elements than can be counted",
                shapes: operands.map(\.shape))
        }
        let node = append(
            primitive, operands, arguments: arguments, type: types[0], moreTypes: Array(types.dropFirst()))
        return types.indices.map { Value(node: node, index: $0) }
    }

    /// Records a primitive of one result whose operands are known to fit: a mistake here is a programmer's and stops.
    package static func make(_ primitive: Primitive, _ operands: [Value], arguments: [Scalar] = []) -> Value {
        makeAll(primitive, operands, arguments: arguments)[0]
    }

    /// `make` for primitives of several results.
    package static func makeAll(_ primitive: Primitive, _ operands: [Value], arguments: [Scalar] = []) -> [Value] {
        do {
            return try record(primitive, operands, arguments: arguments)
        } catch {
            stop(error.description)
        }
    }

    /// Appends a node whose types are already known. The one place where nodes come into being on a recording.
    package static func append(
        _ primitive: Primitive, _ operands: [Value], arguments: [Scalar] = [], type: TensorType,
        moreTypes: [TensorType] = [], leaf: LeafBox? = nil, isDifferentiableLeaf: Bool = false
    ) -> Node {
        let recording = Recording.current
        let modes = Modes.current
        var device: Device?
        var differentiable = isDifferentiableLeaf
        for operand in operands {
            if let own = operand.node.device {
                if let device, device != own {
                    stop("\(primitive.family.name): operands live on \(device) and \(own); move one with to(_:)")
                }
                device = own
            }
            if operand.isDifferentiable, modes.recordsHistory { differentiable = true }
            if operand.node.isPending, !recording.isTrace, let other = operand.node.recording, other !== recording,
                !other.isTrace
            {
                Recording.makeAvailable(operand.node)
            }
        }
        if case .copy(let copy) = primitive { device = copy.device }
        let node = Node(
            primitive, operands: operands, arguments: arguments, type: type, moreTypes: moreTypes, device: device,
            isDifferentiable: differentiable && (isDifferentiableLeaf || primitive.isDifferentiable),
            isOutsideHistory: !modes.recordsHistory, leaf: leaf, origin: modes.origin,
            isInference: !modes.recordsHistory && !modes.isDeriving, checkpoint: leaf == nil ? modes.checkpoint : nil)
        recording.append(node)
        return node
    }

    /// A value that exists already.
    package static func leaf(
        _ realized: Realized, _ type: TensorType, device: Device?, box: LeafBox? = nil, isDifferentiable: Bool = false
    ) -> Value {
        let node = Node(
            .leaf, operands: [], type: type, device: device, isDifferentiable: isDifferentiable,
            isOutsideHistory: false,
            leaf: box)
        node.complete({ _ in realized }, keepingHistory: false)
        return Value(node: node)
    }

    /// A value that could not be made: reading it gives the error.
    package static func failed(_ error: any Error, _ type: TensorType, device: Device?) -> Value {
        let node = Node(
            .leaf, operands: [], type: type, device: device, isDifferentiable: false, isOutsideHistory: true)
        node.fail(error)
        return Value(node: node)
    }

    /// A stand-in for an argument of `vmap` or `compile`.
    package static func placeholder(_ type: TensorType, device: Device? = nil) -> Value {
        let node = Node(
            .placeholder, operands: [], type: type, device: device, isDifferentiable: false, isOutsideHistory: false)
        Recording.current.append(node)
        return Value(node: node)
    }
}
