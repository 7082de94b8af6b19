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
    package var isDifferentiable: Bool { node.isDifferentiable(index) }
}

extension Value {
    /// Records a primitive: checks shapes and types, and gives its results.
    package static func record(
        _ primitive: Primitive, _ operands: [Value], arguments: [Scalar] = []
    ) throws(ShapeError) -> [Value] {
        let node = try recorded(primitive, operands, arguments)
        return (0..<node.resultCount).map { Value(node: node, index: $0) }
    }

    /// `record` for a primitive of one result.
    package static func recordOne(_ primitive: Primitive, _ operands: [Value]) throws(ShapeError) -> Value {
        Value(node: try recorded(primitive, operands, []))
    }

    private static func recorded(
        _ primitive: Primitive, _ operands: [Value], _ arguments: [Scalar]
    ) throws(ShapeError) -> Node {
        let types = try primitive.family.resultTypes(of: operands.map(\.type), arguments: arguments)
        for type in types where type.shape.checkedElementCount == nil {
            throw ShapeError(
                primitive.family.name, "the result \(type.shape) has more elements than can be counted",
                shapes: operands.map(\.shape))
        }
        guard types.count <= Node.maximumResultCount else {
            throw ShapeError(
                primitive.family.name, "\(types.count) results where a node has at most \(Node.maximumResultCount)",
                shapes: operands.map(\.shape))
        }
        return append(
            primitive, operands, arguments: arguments, type: types[0],
            moreTypes: types.count == 1 ? [] : Array(types.dropFirst()))
    }

    /// Records a primitive of one result whose operands are known to fit: a mistake here is a programmer's and stops.
    package static func make(_ primitive: Primitive, _ operands: [Value], arguments: [Scalar] = []) -> Value {
        do { return Value(node: try recorded(primitive, operands, arguments)) } catch { stop(error.description) }
    }

    /// `make` for primitives of several results.
    package static func makeAll(_ primitive: Primitive, _ operands: [Value], arguments: [Scalar] = []) -> [Value] {
        do { return try record(primitive, operands, arguments: arguments) } catch { stop(error.description) }
    }

    /// Appends a node whose types are already known. The one place where nodes come into being on a recording.
    package static func append(
        _ primitive: consuming Primitive, _ operands: consuming [Value], arguments: consuming [Scalar] = [],
        type: consuming TensorType, moreTypes: consuming [TensorType] = [], leaf: LeafBox? = nil,
        isDifferentiableLeaf: Bool = false
    ) -> Node {
        let recording = Recording.current
        let modes = Modes.current
        var device: Device?
        var differentiable = isDifferentiableLeaf
        for index in operands.indices {
            // The operands hold their nodes: no references are counted here.
            unowned(unsafe) let node = operands[index].node
            if let own = node.device {
                if let device, device != own { refuse(copy primitive, on: device, own) }
                device = own
            }
            if !differentiable, modes.recordsHistory, operands[index].isDifferentiable { differentiable = true }
            if node.isPending, node.home != recording.address { makeAvailable(operands[index], to: recording) }
        }
        if let target = primitive.targetDevice { device = target }
        let isDifferentiable = differentiable && (isDifferentiableLeaf || primitive.isDifferentiable)
        let node = Node(
            primitive, operands: operands, arguments: arguments, type: type, moreTypes: moreTypes, device: device,
            isDifferentiable: isDifferentiable, isOutsideHistory: !modes.recordsHistory, leaf: leaf,
            origin: modes.origin,
            isInference: !modes.recordsHistory && !modes.isDeriving, checkpoint: leaf == nil ? modes.checkpoint : nil)
        recording.append(node)
        return node
    }

    @inline(never)
    private static func refuse(_ primitive: Primitive, on one: Device, _ other: Device) {
        stop("\(primitive.family.name): operands live on \(one) and \(other); move one with to(_:)")
    }

    /// Has an operand run that is pending on another thread.
    private static func makeAvailable(_ value: Value, to recording: Recording) {
        guard !recording.isTrace, let other = value.node.recording, other !== recording, !other.isTrace else { return }
        Recording.makeAvailable(value)
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
