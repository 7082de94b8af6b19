import MartletGraph
import MartletNN
import MartletRuntime
import MartletTensor

/// Parameters that share their settings.
public final class ParameterGroup {
    /// The group's parameters, in the order of the state's names.
    public let parameters: [Parameter]
    package let rate: StateNumber
    /// The factor of weight decay; what it means is the optimizer's to say.
    public let weightDecay: Double

    /// A group with its step size and its factor of weight decay; 0 is none.
    public init(_ parameters: [Parameter], learningRate: Double, weightDecay: Double = 0) {
        self.parameters = parameters
        rate = StateNumber(learningRate)
        self.weightDecay = weightDecay
    }

    /// The step size of this group: set it as often as you like, no plan is made anew.
    public var learningRate: Double {
        get { rate.current }
        set { rate.current = newValue }
    }
}

/// Renews parameters from their gradients, a step at a time.
///
/// `step()` records every parameter's update as one fused pass and runs it, in place where nobody else holds the old
/// values. State is kept in slots, so that `compile(updating:)` and checkpoints find it.
open class Optimizer: StateHolder {
    /// What is trained, a group for each setting.
    public let groups: [ParameterGroup]
    /// Steps taken so far.
    private let count = StateNumber(0)
    /// For each parameter of each group, the steps that renewed it: one that is trained later starts its own count.
    private let counts: [[StateNumber]]
    /// For each parameter of each group, the tensors that its update carries along, by `stateNames`.
    private let states: [[[StateSlot]]]
    /// Names of an update's tensors, in order (`exp_avg`, `exp_avg_sq`).
    public let stateNames: [String]

    package init(_ groups: [ParameterGroup], stateNames: [String]) {
        guard !groups.allSatisfy({ $0.parameters.isEmpty }) else {
            stop("\(Self.self): there are no parameters to train")
        }
        var met = Set<ObjectIdentifier>()
        for parameter in groups.flatMap(\.parameters) where !met.insert(ObjectIdentifier(parameter)).inserted {
            stop("\(Self.self): a parameter of shape \(parameter.shape) is listed twice")
        }
        self.groups = groups
        self.stateNames = stateNames
        counts = groups.map { group in group.parameters.map { _ in StateNumber(0) } }
        states = groups.map { group in group.parameters.map { _ in stateNames.map { _ in StateSlot() } } }
    }

    /// The composite that renews one parameter, for a group's settings; `isFirst`: no step has made its state yet.
    package func composite(_ group: ParameterGroup, isFirst: Bool) -> any Composite {
        stop("\(Self.self) has no update of its own: subclass one that has")
    }

    /// The update's numbers, as float64 scalars in the composite's order; `count` is of the steps that renewed the
    /// parameter, this one among them.
    package func scalars(_ group: ParameterGroup, isFirst: Bool, count: StateNumber) -> [Value] { [] }

    /// The learning rate of all groups.
    public var learningRate: Double {
        get { groups[0].learningRate }
        set { for group in groups { group.learningRate = newValue } }
    }

    /// Steps taken so far.
    public var stepCount: Int { Int(count.current) }

    /// Renews every parameter that has a gradient, and runs what was recorded.
    public func step() {
        if Origin.isWatched { Origin("\(Self.self).step").around { record() } } else { record() }
        do { try Flush.all() } catch { stop("\(Self.self).step(): \(error)") }
    }

    /// Records the update of every parameter that has a gradient; `step()` runs it.
    package func record() {
        withoutGradient {
            count.add(1)
            for (index, group) in groups.enumerated() { renew(group, states[index], counts[index]) }
        }
    }

    /// Parameters that start and those that go on share one set of numbers each, as far as they were renewed equally often,
    /// so that each kind is one pass.
    private func renew(_ group: ParameterGroup, _ states: [[StateSlot]], _ counts: [StateNumber]) {
        var kinds: [(isFirst: Bool, count: StateNumber, call: CompositeCall, numbers: [Value])] = []
        for (index, parameter) in group.parameters.enumerated() where parameter.requiresGradient {
            guard let gradient = parameter.gradient else { continue }
            let (slots, count) = (states[index], counts[index])
            let found = slots.map(\.tensor)
            let isFirst = found.contains { $0 == nil }
            count.add(1)
            let known = kinds.firstIndex { $0.isFirst == isFirst && $0.count.agrees(with: count) }
            if known == nil {
                let call = CompositeCall(composite(group, isFirst: isFirst))
                kinds.append((isFirst, count, call, scalars(group, isFirst: isFirst, count: count)))
            }
            let kind = kinds[known ?? kinds.count - 1]
            let old = parameter.value.value
            // What a parameter had gathered follows it to another device.
            let state = found.map { tensor in
                guard let tensor else { return old.detached().zeros() }
                return old.node.device.map { tensor.value.copied(to: $0) } ?? tensor.value
            }
            let results = Value.makeAll(.composite(kind.call), [old, gradient.value] + state + kind.numbers)
            parameter.slot.tensor = Tensor(results[0])
            for (slot, result) in zip(slots, results.dropFirst()) { slot.tensor = Tensor(result) }
        }
    }

    /// Forgets the gradients of all parameters.
    public func zeroGradients() {
        for group in groups {
            for parameter in group.parameters { parameter.gradient = nil }
        }
    }

    // MARK: State

    /// Each parameter's value, gradient and update tensors.
    public var stateSlots: [StateSlot] {
        zip(groups, states).flatMap { group, states in
            group.parameters.flatMap { [$0.slot, $0.box.slot] } + states.flatMap { $0 }
        }
    }
    /// The steps taken, by the optimizer and on each parameter, and each group's learning rate.
    public var stateNumbers: [StateNumber] { [count] + groups.map(\.rate) + counts.flatMap { $0 } }

    /// What a checkpoint keeps: tensors by `group.parameter.name`, and the numbers.
    public struct State: Sendable {
        /// Tensors of the updates, by `group.parameter.name`, the groups and parameters counted from 0; `step` among them
        /// where a parameter was renewed less often than the optimizer took steps.
        public var tensors: [String: Tensor]
        /// Steps taken.
        public var stepCount: Double
        /// Each group's learning rate, in order.
        public var learningRates: [Double]

        /// A state of these parts.
        public init(tensors: [String: Tensor], stepCount: Double, learningRates: [Double]) {
            self.tensors = tensors
            self.stepCount = stepCount
            self.learningRates = learningRates
        }
    }

    /// The state now. Tensors that no step has made yet are absent.
    public var state: State {
        var tensors: [String: Tensor] = [:]
        forEachSlot { name, slot, _ in tensors[name] = slot.tensor }
        forEachCount { name, steps in
            if steps.current != count.current {
                tensors[name] = onNoDevice { Tensor.full([], steps.current, dtype: .float64) }
            }
        }
        return State(tensors: tensors, stepCount: count.current, learningRates: groups.map(\.learningRate))
    }

    /// Continues from a saved state; nothing changes where something does not fit.
    public func load(_ state: State) throws(StateDictionaryError) {
        var error = StateDictionaryError()
        var known = Set<String>()
        forEachSlot { name, _, parameter in
            known.insert(name)
            // A parameter without a step has no state at all; a part of it is a damaged one.
            let prefix = name.prefix(through: name.lastIndex(of: ".") ?? name.startIndex)
            if state.tensors[name] == nil, stateNames.contains(where: { state.tensors[prefix + $0] != nil }) {
                error.missing.append(name)
            }
            if let tensor = state.tensors[name], tensor.shape != parameter.shape || tensor.dtype != parameter.dtype {
                error.misshapen.append(
                    "\(name) (expected \(parameter.dtype) \(parameter.shape), found \(tensor.dtype) \(tensor.shape))")
            }
        }
        forEachCount { name, _ in
            known.insert(name)
            if let steps = state.tensors[name], steps.elementCount != 1 {
                error.misshapen.append("\(name) (expected one number, found the shape \(steps.shape))")
            }
        }
        error.unexpected = state.tensors.keys.filter { !known.contains($0) }.sorted()
        if state.learningRates.count != groups.count {
            error.missing.append("a learning rate for each of \(groups.count) groups")
        }
        if error != StateDictionaryError() { throw error }
        forEachSlot { name, slot, _ in slot.tensor = state.tensors[name] }
        count.current = state.stepCount
        forEachCount { name, steps in
            steps.current = state.tensors[name]?.item(as: Double.self) ?? state.stepCount
        }
        for (group, rate) in zip(groups, state.learningRates) { group.learningRate = rate }
    }

    private func forEachCount(_ body: (_ name: String, _ count: StateNumber) -> Void) {
        for (groupIndex, group) in counts.enumerated() {
            for (index, count) in group.enumerated() { body("\(groupIndex).\(index).step", count) }
        }
    }

    private func forEachSlot(_ body: (_ name: String, _ slot: StateSlot, _ parameter: Parameter) -> Void) {
        for (groupIndex, group) in groups.enumerated() {
            for (index, parameter) in group.parameters.enumerated() {
                for (name, slot) in zip(stateNames, states[groupIndex][index]) {
                    body("\(groupIndex).\(index).\(name)", slot, parameter)
                }
            }
        }
    }
}

extension Value {
    /// A setting as a float64 scalar: an argument of the plan.
    static func setting(_ number: Double) -> Value { scalar(number, dtype: .float64) }
}
