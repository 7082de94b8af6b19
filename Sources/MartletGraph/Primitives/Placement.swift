// Devices and groups of devices in the graph.

/// The same value on another device.
package struct Copy: PrimitiveFamily {
    package let device: Device
    package init(_ device: Device) { self.device = device }

    package var name: String { "copy" }
    package var residuals: Residuals { .none }

    package func resultTypes(of operands: [TensorType], arguments: [Scalar]) throws(ShapeError) -> [TensorType] {
        [operands[0]]
    }
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?] {
        guard let cotangent = cotangents[0] else { return [nil] }
        // What is on no device goes wherever its gradient is.
        return [node.operands[0].node.device.map { cotangent.copied(to: $0) } ?? cotangent]
    }
    package func pushforward(_ node: Node, _ tangents: [Value?]) -> [Value?] {
        [tangents[0].map { Value.make(.copy(self), [$0]) }]
    }
    package func batch(_ operands: [Value], isBatched: [Bool], size: Int, arguments: [Scalar]) -> [Value] {
        [Value.make(.copy(self), operands)]
    }
    package func evaluate(_ operands: [HostArray], arguments: [Scalar], results: [TensorType]) throws -> [HostArray] {
        operands
    }
    package func encode(into key: inout KeyWriter) {
        key.write(Int(device.kind.rawValue))
        key.write(device.index)
    }
}

/// A sum over the members of a group; with one process the group is this process alone and the sum is the value itself.
package struct Collective: PrimitiveFamily {
    package enum Kind: UInt8, Hashable, Sendable { case allReduceSum }
    package let kind: Kind
    /// The group's number; 0 is the world.
    package let group: Int
    package init(_ kind: Kind, group: Int) {
        self.kind = kind
        self.group = group
    }

    package var name: String { "allReduce" }
    package var residuals: Residuals { .none }

    package func resultTypes(of operands: [TensorType], arguments: [Scalar]) throws(ShapeError) -> [TensorType] {
        [operands[0]]
    }
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?] {
        [cotangents[0].map { Value.make(.collective(self), [$0]) }]
    }
    package func pushforward(_ node: Node, _ tangents: [Value?]) -> [Value?] {
        [tangents[0].map { Value.make(.collective(self), [$0]) }]
    }
    package func batch(_ operands: [Value], isBatched: [Bool], size: Int, arguments: [Scalar]) -> [Value] {
        [Value.make(.collective(self), operands)]
    }
    package func evaluate(_ operands: [HostArray], arguments: [Scalar], results: [TensorType]) throws -> [HostArray] {
        operands
    }
    package func encode(into key: inout KeyWriter) {
        key.write(Int(kind.rawValue))
        key.write(group)
    }
}

extension Value {
    /// The value on a device: itself where it is committed to it already.
    package func copied(to device: Device) -> Value {
        node.device == device ? self : Value.make(.copy(Copy(device)), [self])
    }

    /// The value on the device of another one; itself where that one is on none or this one has been committed to one.
    package func committed(like other: Node) -> Value {
        guard node.device == nil, let device = other.device else { return self }
        return copied(to: device)
    }
}
