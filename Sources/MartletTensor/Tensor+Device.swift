import MartletGraph

// Where tensors live. One that was made without a device is *uncommitted*: it lies in the processor's memory and follows what
// it meets.

extension Tensor {
    /// Where the elements live. A tensor made without a device counts as living on `Device.default`.
    public var device: Device { value.node.device ?? .default }

    /// The same value, committed to a device. The gradient comes back on the device that the value came from.
    public func to(_ device: Device) -> Tensor {
        value.node.device == device ? self : Tensor(value.copied(to: device))
    }

    /// True where the tensor was put on the device by name, or comes from one that was.
    package func isCommitted(to device: Device) -> Bool { value.node.device == device }

    /// A new tensor on the device that `withDevice` names, if it names one.
    var placed: Tensor {
        guard let device = Modes.current.device, value.node.device == nil else { return self }
        return to(device)
    }

    /// The tensor on the device of another one; itself where that one is on none or this one is committed already.
    package func committed(like other: Tensor) -> Tensor {
        let own = value.committed(like: other.value.node)
        return own.node === value.node ? self : Tensor(own)
    }
}

/// Runs library code that makes tensors of its own, which follow what they meet whatever `withDevice` says.
package func onNoDevice<Result>(_ body: () throws -> Result) rethrows -> Result {
    try Modes.with({ $0.device = nil }, body)
}
