import MartletCPU
@_exported import MartletGraph
import MartletRuntime

/// An array of numbers of any rank, on a device: the value that everything computes with.
///
/// Operations are recorded and run soon after: when a value is asked for (`item()`, `array()`, `print`), when
/// `optimizer.step()` ends, or when the recording grows large. Shape and type mistakes stop where they are written.
/// A tensor is a value: changing one through a subscript never changes another.
public struct Tensor: Sendable {
    package var handle: TensorHandle

    package init(_ value: Value) {
        Runtime.start()
        handle = TensorHandle(value)
    }

    package var value: Value { handle.value }

    /// The sizes along each axis.
    public var shape: Shape { value.shape }
    /// The type of the elements.
    public var dtype: DataType { value.dtype }
    /// Number of axes.
    public var rank: Int { value.rank }
    /// Number of elements.
    public var elementCount: Int { value.shape.elementCount }
}

/// What holds a value: as long as one lives, a flush makes the value and keeps it.
///
/// `@unchecked Sendable`: the value never changes. It is a variable so that whether it is the node's last reference can be asked.
package final class TensorHandle: @unchecked Sendable {
    @exclusivity(unchecked) package fileprivate(set) var value: Value

    package init(_ value: Value) {
        self.value = value
        value.node.retainHandle(value.index)
    }

    deinit { value.node.releaseHandle(value.index) }
}

extension Tensor {
    /// Takes the value out of the leaf of an order where nothing but this tensor refers to it, so that `refill` may put another one
    /// of its type in; nil, and nothing changes, for any other tensor.
    mutating func emptyLeaf(ofOrder order: UInt64) -> Realized? {
        // The handle holds its node: no references are counted here.
        unowned(unsafe) let node = handle.value.node
        guard node.order == order, isKnownUniquelyReferenced(&handle),
            isKnownUniquelyReferenced(&handle.value.node)
        else { return nil }
        return node.emptyLeaf()
    }

    /// Gives an emptied leaf its value.
    func refill(with realized: Realized) {
        unowned(unsafe) let node = handle.value.node
        node.refill(with: realized)
    }

    /// Records what `body` says, turning a misfit into a stop that names the operation and the shapes.
    package static func recording(
        file: StaticString = #fileID, line: UInt = #line, _ body: () throws(ShapeError) -> Value
    ) -> Tensor {
        do { return Tensor(try body()) } catch { stop(error.description, file: file, line: line) }
    }
}
