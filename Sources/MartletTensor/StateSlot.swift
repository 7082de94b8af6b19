import MartletGraph
import Synchronization

/// A place that holds a tensor which changes from step to step: a parameter, a buffer, a gradient, an optimizer's moment.
///
/// Inside a compiled function reads and writes go to the function's trace instead; the place itself is renewed by each
/// call of the compiled function.
///
/// `@unchecked Sendable`: the tensor is touched under `lock` only.
public final class StateSlot: @unchecked Sendable {
    private let lock = Lock()
    private var stored: Tensor?
    /// Where gradients of the tensor are collected: then the slot holds a differentiable leaf.
    package let box: GradientBox?

    package init(_ tensor: Tensor? = nil, box: GradientBox? = nil) {
        self.box = box
        stored = tensor.map { leaf($0) }
    }

    /// The tensor as a leaf of this slot: differentiable where the slot collects gradients.
    package func leaf(_ tensor: Tensor) -> Tensor {
        guard let box else { return tensor }
        return Tensor(Modes.with({ $0.recordsHistory = false }) { tensor.value.differentiableAlias(box: box) })
    }

    /// What the slot holds.
    package var tensor: Tensor? {
        get {
            if let recorder = StateRecorder.current { return recorder.read(self) }
            return current
        }
        set {
            if Recording.current.transformation == "vmap" {
                stop(
                    "vmap: the closure writes a parameter, buffer or gradient, which has one value and not one for each "
                        + "member of the batch; return the new value and write it outside")
            }
            if let recorder = StateRecorder.current {
                recorder.write(newValue.map { leaf($0) }, to: self)
            } else {
                current = newValue.map { leaf($0) }
            }
        }
    }

    /// A made value as a leaf of this slot.
    package func holding(_ realized: Realized, _ type: TensorType) -> Tensor {
        Tensor(Value.leaf(realized, type, device: nil, box: box, isDifferentiable: box != nil))
    }

    /// Puts a tensor in the place of the one that the caller saw; false, and nothing changes, where it is no longer there.
    package func replace(_ seen: Tensor?, with new: Tensor) -> Bool {
        if StateRecorder.current != nil || Recording.current.transformation == "vmap" {
            tensor = new
            return true
        }
        let next = leaf(new)
        return lock.withLock {
            guard stored?.value.node === seen?.value.node else { return false }
            stored = next
            return true
        }
    }

    /// What the slot holds outside any trace; a value written here is already a leaf of this slot.
    package var current: Tensor? {
        get { lock.withLock { stored } }
        set {
            // The old value is let go of outside the lock: its end may free a whole graph.
            let old = lock.withLock { () -> Tensor? in
                defer { stored = newValue }
                return stored
            }
            withExtendedLifetime(old) {}
        }
    }
}

/// Something with state that `compile(updating:)` keeps up to date: a module, an optimizer.
public protocol StateHolder {
    /// The places whose tensors change.
    var stateSlots: [StateSlot] { get }
    /// The numbers that change: rates, counts.
    var stateNumbers: [StateNumber] { get }
    /// What a traced function depends on besides tensors and numbers: each module's train or evaluation mode.
    var modeSwitches: [ModeSwitch] { get }
}

extension StateHolder {
    public var modeSwitches: [ModeSwitch] { [] }
}

/// Train or evaluation mode of a layer that behaves differently in the two.
public final class ModeSwitch: Sendable {
    private let state = Atomic<Bool>(true)
    public init() {}

    /// True in training, the initial mode.
    public var isTraining: Bool {
        get { state.load(ordering: .relaxed) }
        set { state.store(newValue, ordering: .relaxed) }
    }
}
