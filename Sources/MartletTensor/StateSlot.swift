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
    /// Held by the compiled call that has taken the tensor out, until it puts another one in.
    private var turn: Lock?
    /// Where gradients of the tensor are collected: then the slot holds a differentiable leaf.
    package let box: GradientBox?
    /// True where what it holds is a gradient.
    private let isGradient: Bool

    /// True where whoever writes it trains: it holds a parameter or a gradient.
    var isTrained: Bool { box != nil || isGradient }

    package init(_ tensor: Tensor? = nil, box: GradientBox? = nil, isGradient: Bool = false) {
        (self.box, self.isGradient) = (box, isGradient)
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
            if isWriteForbidden {
                stop(
                    "vmap: the closure writes a parameter, buffer or gradient, which has one value and not one for each "
                        + "member of the batch; return the new value and write it outside")
            }
            if Modes.current.isForward {
                stop(
                    "jvp: the closure writes a parameter, buffer or gradient, whose tangent would be lost; return the new "
                        + "value and write it outside, or call eval() where a layer follows statistics")
            }
            if let recorder = StateRecorder.current {
                recorder.write(newValue.map { leaf($0) }, to: self)
            } else {
                current = newValue.map { leaf($0) }
            }
        }
    }

    /// A made value as a leaf of this slot.
    package func holding(_ realized: Realized, _ type: TensorType, on device: Device?) -> Tensor {
        Tensor(Value.leaf(realized, type, device: device, box: box, isDifferentiable: box != nil))
    }

    /// Puts a tensor in the place of the one that the caller saw; false, and nothing changes, where it is no longer there.
    package func replace(_ seen: Tensor?, with new: Tensor) -> Bool {
        if StateRecorder.current != nil || isWriteForbidden || Modes.current.isForward {
            tensor = new
            return true
        }
        let next = leaf(new)
        return lock.withLock {
            guard turn == nil, stored?.value.node === seen?.value.node else { return false }
            stored = next
            return true
        }
    }

    private var isWriteForbidden: Bool { Recording.current.transformation == "vmap" }

    /// What the slot holds outside any trace; a value written here is already a leaf of this slot.
    package var current: Tensor? {
        get {
            while true {
                lock.lock()
                let (tensor, owner) = (stored, turn)
                lock.unlock()
                guard let owner else { return tensor }
                owner.withLock {}
            }
        }
        set {
            // The old value is let go of outside the lock: its end may free a whole graph.
            var old = newValue
            lock.lock()
            swap(&old, &stored)
            turn = nil
            lock.unlock()
            withExtendedLifetime(old) {}
        }
    }

    /// Empties the slot for a call that will set `current`, and gives what stood there. Whoever reads meanwhile waits for `turn`,
    /// which the call holds and under which it waits for nobody.
    func take(for turn: Lock) -> Tensor? {
        var taken: Tensor?
        lock.lock()
        swap(&taken, &stored)
        self.turn = turn
        lock.unlock()
        return taken
    }
}

/// Something with state that `compile(updating:)` keeps up to date: a module, an optimizer.
public protocol StateHolder {
    /// The places whose tensors change.
    var stateSlots: [StateSlot] { get }
    /// The numbers that change: rates, counts.
    var stateNumbers: [StateNumber] { get }
}

/// A yes or no that what is recorded depends on: a layer's train or evaluation mode, whether a parameter is trained.
///
/// A compiled function notes the switches that its trace asks, and traces anew where one has changed.
public final class ModeSwitch: Sendable {
    private let state = Atomic<Bool>(true)
    /// A switch that is on.
    public init() {}

    /// The position, noted by the trace that asks for it.
    public var isOn: Bool {
        get {
            let position = state.load(ordering: .relaxed)
            StateRecorder.current?.note(self, position)
            return position
        }
        set { state.store(newValue, ordering: .relaxed) }
    }

    /// The position, for whoever only compares it.
    package var position: Bool { state.load(ordering: .relaxed) }

    /// True in training, the initial mode.
    public var isTraining: Bool {
        get { isOn }
        set { isOn = newValue }
    }
}
