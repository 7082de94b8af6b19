/// The contract of a primitive family: what every primitive must answer, in one order.
///
/// The family's attributes are the conforming value itself (a `Convolution` holds strides and paddings), so a rule reads
/// `self` and the operands and nothing else. Rules are written in `Value`: derivatives are graph too, and fusion, second
/// derivatives and every backend come for free.
package protocol PrimitiveFamily: Hashable, Sendable {
    /// The name in errors, plans and logs.
    var name: String { get }

    /// **Shape and type rule**: the types of the results, or what does not fit.
    func resultTypes(of operands: [TensorType], arguments: [Scalar]) throws(ShapeError) -> [TensorType]

    /// **Reverse derivative**: for each operand that is `wanted`, the cotangent that flows to it.
    ///
    /// `cotangents` has one entry a result, nil where nothing arrived. An entry of the answer is nil where no gradient flows.
    func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?]

    /// **Forward derivative**: the tangents of the results from those of the operands (nil is zero).
    func pushforward(_ node: Node, _ tangents: [Value?]) -> [Value?]

    /// **Batching rule** of `vmap`: operands with `isBatched` carry the batch as axis 0; every result must carry it so.
    ///
    /// Called only where some operand is batched. `size` is the batch's.
    func batch(_ operands: [Value], isBatched: [Bool], size: Int, arguments: [Scalar]) -> [Value]

    /// **Reference evaluation**: slow, plain and exact. The definition that every backend is compared with.
    func evaluate(_ operands: [HostArray], arguments: [Scalar], results: [TensorType]) throws -> [HostArray]

    /// What `pullback` reads of the node: kept by a flush that comes before the derivative.
    var residuals: Residuals { get }

    /// The attributes as words of a plan's key.
    func encode(into key: inout KeyWriter)

    /// **Cost**: the arithmetic and the memory traffic of one call, for profiles (`Primitives/Costs.swift`).
    func cost(_ operands: [TensorType], _ results: [TensorType]) -> Cost
}

/// Which operands and results a derivative rule reads.
package struct Residuals: OptionSet, Sendable {
    package let rawValue: Int
    package init(rawValue: Int) { self.rawValue = rawValue }

    package static let none: Residuals = []
    package static let operands = Residuals(rawValue: 1)
    package static let results = Residuals(rawValue: 2)
    /// The operands after the first (indices, masks), not the first itself.
    package static let laterOperands = Residuals(rawValue: 4)
    /// The results after the first (indices).
    package static let laterResults = Residuals(rawValue: 8)
    /// The first operand alone (a condition).
    package static let firstOperand = Residuals(rawValue: 16)
}

/// Collects the words of a plan's key.
package struct KeyWriter: Sendable {
    @usableFromInline package private(set) var words: [UInt64] = []
    package init() {}

    @inlinable package mutating func write(_ word: UInt64) { words.append(word) }
    @inlinable package mutating func write(_ value: Int) { words.append(UInt64(bitPattern: Int64(value))) }
    @inlinable package mutating func write(_ value: Bool) { words.append(value ? 1 : 0) }
    @inlinable package mutating func write(_ values: [Int]) {
        write(values.count)
        for value in values { write(value) }
    }
    package mutating func write(_ shape: Shape) { write(shape.sizes) }
    package mutating func write(_ text: String) {
        for byte in text.utf8 { words.append(UInt64(byte)) }
        words.append(UInt64.max)
    }
    package mutating func removeAll() { words.removeAll(keepingCapacity: true) }
}
