import MartletGraph
import MartletRuntime
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Where the gradient of a leaf is kept and added up.
package final class GradientBox: LeafBox, @unchecked Sendable {
    package let slot = StateSlot(isGradient: true)
    /// True where something besides the leaf's variable refers to the box: a parameter.
    let isOwned: Bool

    package init(isOwned: Bool) {
        self.isOwned = isOwned
        super.init()
    }

    package var gradient: Tensor? {
        get { slot.tensor }
        set { slot.tensor = newValue }
    }

    /// Adds what arrived in a backward pass.
    package func accumulate(_ value: Value) {
        // Another thread may add its own in between: then once more, with its sum.
        var isDone = false
        while !isDone {
            let old = gradient
            isDone = slot.replace(old, with: old.map { Tensor($0.value + value) } ?? Tensor(value))
        }
    }
}

extension Tensor {
    /// True where `backward()` can reach this value.
    public var requiresGradient: Bool { value.isDifferentiable }

    /// The same value as a leaf that gradients are collected for.
    public func requiringGradient() -> Tensor {
        guard dtype.isFloatingPoint else {
            stop("requiringGradient(): \(dtype) has no derivative; use a floating type")
        }
        return Tensor(value.differentiableAlias(box: GradientBox(isOwned: false)))
    }

    /// The gradient that `backward()` collected for this leaf; nil before, and on tensors that are no leaves.
    public var gradient: Tensor? {
        get { (value.node.leaf as? GradientBox)?.gradient }
        nonmutating set {
            guard let box = value.node.leaf as? GradientBox else {
                stop("gradient: only a leaf made with requiresGradient: true holds one")
            }
            box.gradient = newValue
        }
    }

    /// The same value outside any derivative.
    public func detached() -> Tensor { Tensor(value.detached()) }

    /// Adds to the gradient of every leaf behind this value: ∂self/∂leaf, times `gradient` where self is no scalar.
    ///
    /// The history that was walked is released; `retainGraph` keeps it for another backward. `createGraph` records the
    /// derivative itself with a history, for second order.
    public func backward(gradient: Tensor? = nil, retainGraph: Bool = false, createGraph: Bool = false) {
        guard value.isDifferentiable else {
            stop("backward(): nothing behind this value requires a gradient")
        }
        if gradient == nil, elementCount != 1 {
            stop("backward(): the shape is \(shape); pass gradient: for anything but one element")
        }
        if let gradient, gradient.shape != shape {
            stop("backward(): the gradient's shape \(gradient.shape) is not the value's \(shape)")
        }
        let seed = gradient?.value.cast(to: dtype) ?? value.ones()
        // Until each has arrived in its box nobody holds the others.
        Recording.uninterrupted {
            let arrived = Differentiation.backward(
                from: value, cotangent: seed, retainGraph: retainGraph, createGraph: createGraph)
            for (leaf, gradient) in arrived {
                guard let box = leaf.leaf as? GradientBox else { continue }
                box.accumulate(gradient)
                if !box.isOwned, !leaf.isHeld(0) { LostLeafWarning.give(leaf.type.shape) }
            }
        }
    }
}

/// Said once a process: a gradient went where nobody can read it.
private enum LostLeafWarning {
    private static let isGiven = Atomic<Bool>(false)

    static func give(_ shape: Shape) {
        guard !isGiven.exchange(true, ordering: .relaxed) else { return }
        let text = """
            martlet: warning: backward() collected a gradient for a leaf of shape \(shape) that no variable holds any more. \
            A step written as w = w - rate * gradient makes w a value computed from the old leaf, and the gradient goes to \
            the old one; write it as parameter.update { old in new }, or assign (…).detached().requiringGradient(). (Said \
            once.)

            """
        let bytes = Array(text.utf8)
        _ = write(STDERR_FILENO, bytes, bytes.count)
    }
}

/// Runs `body` without recording a history: nothing in it can be differentiated.
public func withoutGradient<Result>(_ body: () throws -> Result) rethrows -> Result {
    try Modes.with({ $0.recordsHistory = false }, body)
}
