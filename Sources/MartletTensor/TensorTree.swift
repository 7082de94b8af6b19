import MartletGraph

/// Something made of tensors that transformations take and give: a tensor, or an array of them.
public protocol TensorTree {
    /// The tensors, in a fixed order.
    var leaves: [Tensor] { get }
    /// Appends the tensors to a list, in the order of `leaves`. There is a default implementation.
    func appendLeaves(to list: inout [Tensor])
    /// The same structure with other tensors; takes them from the front of the list.
    func replacing(_ leaves: inout ArraySlice<Tensor>) -> Self
}

extension Tensor: TensorTree {
    /// The tensor itself.
    public var leaves: [Tensor] { [self] }
    /// Appends the tensor to a list.
    public func appendLeaves(to list: inout [Tensor]) { list.append(self) }
    /// The first tensor of the list; itself where the list is empty.
    public func replacing(_ leaves: inout ArraySlice<Tensor>) -> Tensor { leaves.popFirst() ?? self }
}

extension Array: TensorTree where Element: TensorTree {
    /// The elements' tensors, in order.
    public var leaves: [Tensor] { flatMap(\.leaves) }
    /// The same number of elements, each with its tensors from the front of the list.
    public func replacing(_ leaves: inout ArraySlice<Tensor>) -> [Element] { map { $0.replacing(&leaves) } }
}

extension TensorTree {
    /// Appends the tensors to a list, in the order of `leaves`.
    public func appendLeaves(to list: inout [Tensor]) { list += leaves }

    /// The same structure with `transform` applied to each tensor.
    package func mapLeaves(_ transform: (Tensor) -> Tensor) -> Self {
        var changed = leaves.map(transform)[...]
        return replacing(&changed)
    }

    /// The same structure over these values.
    package func replacing(values: [Value]) -> Self {
        var tensors = values.map { Tensor($0) }[...]
        return replacing(&tensors)
    }
}
