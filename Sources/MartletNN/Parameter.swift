import MartletGraph
import MartletTensor

/// A tensor that is trained: a place whose value changes, and the gradient that `backward()` collects for it.
///
/// Two modules that share one `Parameter` object share its value and its gradient ("tied weights").
public final class Parameter: Sendable {
    package let slot: StateSlot
    package let box = GradientBox(isOwned: true)
    private let training = ModeSwitch()

    /// A parameter that starts from `value`, which must be of a floating type.
    public init(_ value: Tensor) {
        guard value.dtype.isFloatingPoint else {
            stop("Parameter: \(value.dtype) has no derivative; use a floating type")
        }
        slot = StateSlot(value, box: box)
    }

    /// The value now: a leaf that `backward()` collects a gradient for, unless the parameter is frozen.
    public var value: Tensor {
        guard let tensor = slot.tensor else {
            stop("Parameter: there is no value")
        }
        return requiresGradient ? tensor : tensor.detached()
    }

    /// What `backward()` has collected since it was last set to nil.
    public var gradient: Tensor? {
        get { box.gradient }
        set { box.gradient = newValue }
    }

    /// False for a frozen parameter: no gradient is computed for it, and optimizers pass it by.
    public var requiresGradient: Bool {
        get { training.isOn }
        set { training.isOn = newValue }
    }

    /// Puts a new value in place of the old one: the spelling of a hand-written step. Nothing in `transform` is
    /// differentiated; the old value's memory is used again where nobody else holds it.
    ///
    ///     w.update { $0 - 0.1 * w.gradient! }
    public func update(_ transform: (Tensor) -> Tensor) {
        withoutGradient {
            guard let old = slot.tensor else { stop("Parameter.update: there is no value") }
            let new = transform(old)
            guard new.shape == old.shape else {
                stop("Parameter.update: the new value's shape \(new.shape) is not the parameter's \(old.shape)")
            }
            let typed = new.dtype == old.dtype ? new : new.to(dtype: old.dtype)
            // A value that was made on no device does not take the parameter from its own.
            slot.tensor = typed.committed(like: old)
        }
    }

    /// Puts the same numbers in another type in the place of value and gradient.
    func convert(to dtype: DataType) {
        guard let old = slot.tensor, old.dtype != dtype else { return }
        slot.tensor = old.to(dtype: dtype)
        gradient = gradient?.to(dtype: dtype)
    }

    /// Tells the value from every other that was here before; outside any trace.
    var identity: UInt64? { slot.current?.value.node.order }

    /// Sizes along each axis.
    public var shape: Shape { value.shape }
    /// The type of the elements.
    public var dtype: DataType { value.dtype }
}
