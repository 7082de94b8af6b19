import MartletGraph
import MartletNN
import MartletRuntime
import MartletTensor

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
    /// For each parameter of each group, the tensors that its update carries along.
    private let states: [[[StateTensor]]]
    /// Names of an update's tensors, in order (`exp_avg`, `exp_avg_sq`).
    public let stateNames: [String]

    /// An optimizer over groups.
    ///
    /// - Parameters:
    ///   - groups: what is trained.
    ///   - stateNames: the names of the tensors that an update carries along, in order.
    ///   - settings: the update's numbers besides rate and decay, for groups without their own; nil leaves the groups to the
    ///     optimizer that is wrapped.
    ///   - stateTypes: the type of each tensor of a parameter's state, nil where the parameter has none of that name; by
    ///     default all are like the parameter.
    package init(
        _ groups: [ParameterGroup], stateNames: [String], settings: [Setting: Double]? = [:],
        stateTypes: ((Parameter) -> [TensorType?])? = nil
    ) {
        guard !groups.allSatisfy({ $0.parameters.isEmpty }) else {
            stop("\(Self.self): there are no parameters to train")
        }
        var met = Set<ObjectIdentifier>()
        for parameter in groups.flatMap(\.parameters) where !met.insert(ObjectIdentifier(parameter)).inserted {
            stop("\(Self.self): a parameter of shape \(parameter.shape) is listed twice")
        }
        self.groups = groups
        self.stateNames = stateNames
        if let settings { for group in groups { group.adopt(settings, by: "\(Self.self)") } }
        counts = groups.map { group in group.parameters.map { _ in StateNumber(0) } }
        states = groups.map { group in
            group.parameters.map { parameter in
                let own = TensorType(parameter.shape, parameter.dtype)
                let types = stateTypes?(parameter) ?? stateNames.map { _ in own }
                return zip(stateNames, types).compactMap { name, type in type.map { StateTensor(name: name, type: $0) }
                }
            }
        }
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

    /// The factor of weight decay of all groups.
    public var weightDecay: Double {
        get { groups[0].weightDecay }
        set { for group in groups { group.weightDecay = newValue } }
    }

    /// Steps taken so far.
    public var stepCount: Int { Int(count.current) }

    /// Counts a step of an optimizer that renews its parameters in another way than by `record`.
    package func addStep() { count.add(1) }

    /// What an update takes as the parameter's gradient; nil passes the parameter by.
    package func gradient(of parameter: Parameter) -> Value? { parameter.gradient?.value }

    /// The place of a tensor of a parameter's state.
    package func slot(_ name: String, group: Int, parameter: Int) -> StateSlot? {
        states[group][parameter].first { $0.name == name }?.slot
    }

    /// Renews every parameter that has a gradient, and runs what was recorded.
    ///
    /// - Parameter keepingGradients: false forgets the gradients with the step, as `zeroGradients()` would behind it. Then a large
    ///   layer's gradient is used as it is made, block by block, and takes no memory.
    public func step(keepingGradients: Bool = true) {
        if Origin.isWatched { Origin("\(Self.self).step").around { record() } } else { record() }
        if !keepingGradients { zeroGradients() }
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
    private func renew(_ group: ParameterGroup, _ states: [[StateTensor]], _ counts: [StateNumber]) {
        var kinds: [(isFirst: Bool, count: StateNumber, call: CompositeCall, numbers: [Value])] = []
        for (index, parameter) in group.parameters.enumerated() where parameter.requiresGradient {
            guard let gradient = gradient(of: parameter) else { continue }
            let (own, count) = (states[index], counts[index])
            let found = own.map(\.slot.tensor)
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
            let state = zip(found, own).map { tensor, kind in
                guard let tensor else { return Value.filled(0, kind.type) }
                return old.node.device.map { tensor.value.copied(to: $0) } ?? tensor.value
            }
            let results = Value.makeAll(.composite(kind.call), [old, gradient] + state + kind.numbers)
            parameter.slot.tensor = Tensor(results[0])
            for (kind, result) in zip(own, results.dropFirst()) { kind.slot.tensor = Tensor(result) }
        }
    }

    // MARK: Steps that ask for the loss, and weights for evaluation

    /// True where a step asks for the loss and its gradient more than once, and needs ``step(_:preparing:)``.
    open var evaluatesRepeatedly: Bool { false }

    /// A whole step: asks for the loss and its gradient, once or as often as the optimizer needs them.
    ///
    ///     optimizer.step {
    ///         let loss = crossEntropy(model(x), y)
    ///         loss.backward()
    ///         return loss
    ///     }
    ///
    /// - Parameters:
    ///   - evaluate: gives the loss, after `backward()` on it; gradients are forgotten before each call.
    ///   - prepare: called when the gradients that the update takes are there: the place to clip them.
    /// - Returns: the loss before the step.
    /// - Throws: what `evaluate` throws; the parameters are then where the step began.
    @discardableResult
    open func step(_ evaluate: () throws -> Tensor, preparing prepare: () -> Void = {}) rethrows -> Tensor {
        zeroGradients()
        let loss = try evaluate().detached()
        prepare()
        step()
        return loss
    }

    /// True where the weights to evaluate differ from those that are trained: `eval()` and `train()` change between them.
    open var hasEvaluationWeights: Bool { false }
    /// Puts the weights to evaluate into the parameters; most optimizers have no others.
    open func eval() {}
    /// Puts the weights that are trained back into the parameters.
    open func train() {}

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
            group.parameters.flatMap { [$0.slot, $0.box.slot] } + states.flatMap { $0.map(\.slot) }
        }
    }
    /// The steps taken, by the optimizer and on each parameter, and each group's learning rate and settings.
    public var stateNumbers: [StateNumber] { [count] + groups.flatMap(\.stateNumbers) + counts.flatMap { $0 } }

    /// What a checkpoint keeps: tensors by `group.parameter.name`, and the numbers.
    public struct State: Sendable {
        /// Tensors of the updates, by `group.parameter.name`, the groups and parameters counted from 0; `step` among them
        /// where a parameter was renewed less often than the optimizer took steps. A group's settings that have changed
        /// since it was made (a momentum that follows a schedule) are here too, by `group.setting`.
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
        forEachSlot { name, kind in tensors[name] = kind.slot.tensor }
        forEachCount { name, steps in
            if steps.current != count.current {
                tensors[name] = onNoDevice { Tensor.full([], steps.current, dtype: .float64) }
            }
        }
        forEachSetting { name, number, initial in
            if number.current != initial {
                tensors[name] = onNoDevice { Tensor.full([], number.current, dtype: .float64) }
            }
        }
        return State(tensors: tensors, stepCount: count.current, learningRates: groups.map(\.learningRate))
    }

    /// Continues from a saved state; nothing changes where something does not fit.
    public func load(_ state: State) throws(StateDictionaryError) {
        var error = StateDictionaryError()
        var known = Set<String>()
        forEachSlot { name, kind in
            known.insert(name)
            // A parameter without a step has no state at all; a part of it is a damaged one.
            let prefix = name.prefix(through: name.lastIndex(of: ".") ?? name.startIndex)
            if state.tensors[name] == nil, stateNames.contains(where: { state.tensors[prefix + $0] != nil }) {
                error.missing.append(name)
            }
            if let tensor = state.tensors[name], tensor.value.type != kind.type {
                error.misshapen.append(
                    "\(name) (expected \(kind.type.dtype) \(kind.type.shape), found \(tensor.dtype) \(tensor.shape))")
            }
        }
        func expectNumber(_ name: String) {
            known.insert(name)
            if let number = state.tensors[name], number.elementCount != 1 {
                error.misshapen.append("\(name) (expected one number, found the shape \(number.shape))")
            }
        }
        forEachCount { name, _ in expectNumber(name) }
        forEachSetting { name, _, _ in expectNumber(name) }
        error.unexpected = state.tensors.keys.filter { !known.contains($0) }.sorted()
        if state.learningRates.count != groups.count {
            error.missing.append("a learning rate for each of \(groups.count) groups")
        }
        if error != StateDictionaryError() { throw error }
        forEachSlot { name, kind in kind.slot.tensor = state.tensors[name] }
        count.current = state.stepCount
        forEachCount { name, steps in
            steps.current = state.tensors[name]?.item(as: Double.self) ?? state.stepCount
        }
        forEachSetting { name, number, initial in
            number.current = state.tensors[name]?.item(as: Double.self) ?? initial
        }
        for (group, rate) in zip(groups, state.learningRates) {
            group.learningRate = rate
            group.followDecay()
        }
    }

    private func forEachSetting(_ body: (_ name: String, _ number: StateNumber, _ initial: Double) -> Void) {
        for (index, group) in groups.enumerated() {
            for (setting, number, initial) in group.settings { body("\(index).\(setting.rawValue)", number, initial) }
        }
    }

    private func forEachCount(_ body: (_ name: String, _ count: StateNumber) -> Void) {
        for (groupIndex, group) in counts.enumerated() {
            for (index, count) in group.enumerated() { body("\(groupIndex).\(index).step", count) }
        }
    }

    private func forEachSlot(_ body: (_ name: String, _ kind: StateTensor) -> Void) {
        for (groupIndex, group) in states.enumerated() {
            for (index, parameter) in group.enumerated() {
                for kind in parameter { body("\(groupIndex).\(index).\(kind.name)", kind) }
            }
        }
    }
}

/// A tensor that an update carries along, and its place.
private struct StateTensor {
    let name: String
    let type: TensorType
    let slot = StateSlot()
}

extension Value {
    /// A setting as a float64 scalar: an argument of the plan.
    static func setting(_ number: Double) -> Value { scalar(number, dtype: .float64) }
}
