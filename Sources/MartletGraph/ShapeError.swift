/// Shapes or element types that do not fit an operation.
///
/// Thrown by the rules of floor 2; `Tensor`'s operators turn it into a stop, importers and servers throw it on.
public struct ShapeError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The operation that refused, as its caller spells it.
    public let operation: String
    /// What does not fit and what was expected.
    public let reason: String
    /// The shapes of the operands.
    public let shapes: [Shape]

    package init(_ operation: String, _ reason: String, shapes: [Shape] = []) {
        self.operation = operation
        self.reason = reason
        self.shapes = shapes
    }

    public var description: String {
        let operands = shapes.map(\.description).joined(separator: ", ")
        return "\(operation)(\(operands)): \(reason)"
    }
}

/// Stops the program with a message that release builds print too (`precondition` prints none there).
@inline(never)
package func stop(_ message: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line) -> Never {
    fatalError(message(), file: file, line: line)
}
