import MartletGraph
import MartletNN
import MartletTensor

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Schedule-free gradient descent: the average of the steps is what is evaluated, and no end needs to be known.
///
///     y = (1 - β)·z + β·x                           what is trained: the gradient is taken here
///     z ← z - γₜ · g                                g with weightDecay · y
///     x ← (1 - c)·x + c·z,  c = wₜ / Σ w            what is evaluated
///
/// with γₜ the learning rate times a linear warm-up, and wₜ = tʳ · (the largest γ so far)^p. Call `eval()` before the model
/// is evaluated or saved for use, and `train()` before it is trained on.
///
/// Source: A. Defazio et al., "The road less scheduled" (2024), in the form of the authors' SGDScheduleFree, whose defaults
/// and names of state it has.
public final class ScheduleFreeSGD: ScheduleFreeOptimizer {
    /// One group of all parameters.
    public convenience init(
        _ parameters: [Parameter], learningRate: Double = 1, momentum: Double = 0.9, weightDecay: Double = 0,
        warmup: Int = 0, stepPower: Double = 0, ratePower: Double = 2, maximize: Bool = false
    ) {
        self.init(
            [ParameterGroup(parameters, learningRate: learningRate, weightDecay: weightDecay)], momentum: momentum,
            warmup: warmup, stepPower: stepPower, ratePower: ratePower, maximize: maximize)
    }

    /// Groups with settings of their own.
    ///
    /// - Parameters:
    ///   - groups: what is trained.
    ///   - momentum: β, how near to the average the gradients are taken: above 0 and below 1.
    ///   - warmup: the steps in which the rate climbs linearly.
    ///   - stepPower: r, how much more later steps weigh.
    ///   - ratePower: p, how much more steps of a larger rate weigh.
    ///   - maximize: whether steps go up the gradient instead of down.
    public init(
        _ groups: [ParameterGroup], momentum: Double = 0.9, warmup: Int = 0, stepPower: Double = 0,
        ratePower: Double = 2, maximize: Bool = false
    ) {
        super.init(
            groups, settings: [.momentum: momentum], isAdaptive: false, warmup: warmup, stepPower: stepPower,
            ratePower: ratePower, maximize: maximize)
    }
}

/// Schedule-free AdamW: `ScheduleFreeSGD` with Adam's divisor.
///
///     v ← β₂·v + (1 - β₂)·g²
///     y = (1 - β₁)·z + β₁·x
///     z ← z - γₜ · (g / (√(v / (1 - β₂ᵗ)) + ε) + weightDecay · y)
///     x ← (1 - c)·x + c·z
///
/// Source: A. Defazio et al., "The road less scheduled" (2024), in the form of the authors' AdamWScheduleFree, whose
/// defaults and names of state it has.
public final class ScheduleFreeAdamW: ScheduleFreeOptimizer {
    /// One group of all parameters.
    public convenience init(
        _ parameters: [Parameter], learningRate: Double = 2.5e-3, betas: (Double, Double) = (0.9, 0.999),
        epsilon: Double = 1e-8, weightDecay: Double = 0, warmup: Int = 0, stepPower: Double = 0, ratePower: Double = 2,
        maximize: Bool = false
    ) {
        self.init(
            [ParameterGroup(parameters, learningRate: learningRate, weightDecay: weightDecay)], betas: betas,
            epsilon: epsilon, warmup: warmup, stepPower: stepPower, ratePower: ratePower, maximize: maximize)
    }

    /// Groups with settings of their own; β₁ is above 0 and below 1, the others are those of `ScheduleFreeSGD`.
    public init(
        _ groups: [ParameterGroup], betas: (Double, Double) = (0.9, 0.999), epsilon: Double = 1e-8, warmup: Int = 0,
        stepPower: Double = 0, ratePower: Double = 2, maximize: Bool = false
    ) {
        super.init(
            groups, settings: [.beta1: betas.0, .beta2: betas.1, .epsilon: epsilon], isAdaptive: true, warmup: warmup,
            stepPower: stepPower, ratePower: ratePower, maximize: maximize)
    }
}

/// What the schedule-free optimizers share. The parameters hold y in training and x in evaluation.
public class ScheduleFreeOptimizer: Optimizer {
    /// The steps in which the rate climbs linearly.
    public let warmup: Int
    /// r: how much more later steps weigh.
    public let stepPower: Double
    /// p: how much more steps of a larger rate weigh.
    public let ratePower: Double
    private let isAdaptive: Bool
    private let form: UpdateForm
    /// In evaluation: what each parameter trains on.
    private let trained: [StateSlot]
    private let mode = ModeSwitch()

    package init(
        _ groups: [ParameterGroup], settings: [Setting: Double], isAdaptive: Bool, warmup: Int, stepPower: Double,
        ratePower: Double, maximize: Bool
    ) {
        (self.isAdaptive, self.warmup) = (isAdaptive, warmup)
        (self.stepPower, self.ratePower) = (stepPower, ratePower)
        form = UpdateForm(.l2, maximize: maximize)
        trained = groups.flatMap(\.parameters).map { _ in StateSlot() }
        let scalar = TensorType([], .float64)
        super.init(
            groups, stateNames: ["z"] + (isAdaptive ? ["exp_avg_sq"] : []) + ["weight_sum", "lr_max"],
            settings: settings,
            stateTypes: { parameter in
                let own = TensorType(parameter.shape, parameter.dtype)
                return [own] + (isAdaptive ? [own] : []) + [scalar, scalar]
            })
        for group in groups { checkAveraging(group.momentum, "") }
    }

    /// Stops for a β that the average cannot be found by: y is z where it is 0, and stands still where it is 1.
    private func checkAveraging(_ beta: Double, _ operation: String) {
        guard beta > 0, beta < 1 else {
            let name = isAdaptive ? "β₁" : "the momentum"
            stop("\(Self.self)\(operation): \(name) must be above 0 and below 1, it is \(beta)")
        }
    }

    override package func composite(_ group: ParameterGroup, isFirst: Bool) -> any Composite {
        ScheduleFreeUpdate(form: form.decaying(group), isAdaptive: isAdaptive, starts: isFirst)
    }

    override package func scalars(_ group: ParameterGroup, isFirst: Bool, count: StateNumber) -> [Value] {
        let (steps, r) = (Double(warmup), stepPower)
        let numbers = [
            count.value { steps > 0 ? min(1, $0 / steps) : 1 }, count.value { pow($0, r) }, .setting(ratePower),
        ]
        guard isAdaptive else { return group.scalars(.momentum) + numbers }
        let beta2 = group[.beta2]
        return group.scalars(.beta1) + numbers
            + [beta2.value(), group[.epsilon].value(), count.value { 1 - pow(beta2.current, $0) }]
    }

    override package func record() {
        guard mode.isOn else { stop("\(Self.self).step(): the model is in evaluation; call train() on the optimizer") }
        super.record()
    }

    /// True where the parameters hold what is trained, the first mode.
    public var isTraining: Bool { mode.isOn }

    override public var hasEvaluationWeights: Bool { true }

    /// Puts the average x into the parameters: before evaluating, and before saving the model for use.
    override public func eval() {
        guard mode.isOn else { return }
        for group in groups { checkAveraging(group.momentum, ".eval()") }
        withoutGradient {
            forEachParameter { parameter, z, place, beta in
                guard let z = z.tensor else { return }
                place.tensor = parameter.value.detached()
                // x = (y - (1 - β)·z) / β.
                parameter.update { y in y + (1 - 1 / beta) * (z - y) }
            }
        }
        mode.isOn = false
    }

    /// Puts what is trained back into the parameters, bit for bit.
    override public func train() {
        guard !mode.isOn else { return }
        withoutGradient {
            forEachParameter { parameter, _, place, _ in
                guard let tensor = place.tensor else { return }
                parameter.slot.tensor = tensor
                place.tensor = nil
            }
        }
        mode.isOn = true
    }

    private func forEachParameter(_ body: (Parameter, _ z: StateSlot, _ place: StateSlot, _ beta: Double) -> Void) {
        var places = trained[...]
        for (groupIndex, group) in groups.enumerated() {
            let beta = group.momentum
            for (index, parameter) in group.parameters.enumerated() {
                guard let place = places.popFirst(), let z = slot("z", group: groupIndex, parameter: index) else {
                    continue
                }
                body(parameter, z, place, beta)
            }
        }
    }

    // MARK: State

    override public var stateSlots: [StateSlot] { super.stateSlots + trained }

    /// Of an optimizer in evaluation, with what each parameter trains on: `train.index`, the parameters counted from 0.
    override public var state: State {
        var state = super.state
        for (index, place) in trained.enumerated() { state.tensors["train.\(index)"] = place.tensor }
        return state
    }

    override public func load(_ state: State) throws(StateDictionaryError) {
        var own = state
        own.tensors = state.tensors.filter { !$0.key.hasPrefix("train.") }
        let parameters = groups.flatMap(\.parameters)
        var error = StateDictionaryError()
        for (name, tensor) in state.tensors where name.hasPrefix("train.") {
            guard let index = Int(name.dropFirst("train.".count)), parameters.indices.contains(index) else {
                error.unexpected.append(name)
                continue
            }
            let (shape, dtype) = (parameters[index].shape, parameters[index].dtype)
            if tensor.shape != shape || tensor.dtype != dtype {
                error.misshapen.append("\(name) (expected \(dtype) \(shape), found \(tensor.dtype) \(tensor.shape))")
            }
        }
        if error != StateDictionaryError() { throw error }
        try super.load(own)
        for (index, place) in trained.enumerated() { place.tensor = state.tensors["train.\(index)"] }
        mode.isOn = trained.allSatisfy { $0.tensor == nil }
    }
}

private struct ScheduleFreeUpdate: UpdateFormula {
    let form: UpdateForm
    let isAdaptive: Bool
    /// True where z is not there yet: it begins at y.
    let starts: Bool
    var name: String { "scheduleFreeUpdate" }
    var numberNames: [String] {
        ["beta1", "warm-up", "step weight", "rate power"]
            + (isAdaptive ? ["beta2", "epsilon", "bias correction"] : [])
    }
    var decaysItself: Bool { true }

    func step(_ inputs: UpdateInputs) -> UpdateResults {
        let (numbers, y) = (inputs.numbers, inputs.parameter)
        let (beta, warmup, stepWeight, power) = (numbers[0], numbers[1], numbers[2], numbers[3])
        let z = starts ? y : inputs.state[0]
        let (oldSum, oldLargest) = (inputs.state[inputs.state.count - 2], inputs.state[inputs.state.count - 1])

        let gamma = inputs.rate * warmup
        let largest = gamma.maximum(Number(value: oldLargest))
        let weight = stepWeight * Number(value: largest.value.pow(power.value))
        let sum = Number(value: oldSum) + weight
        let c = Number(value: weight.value / sum.value.orWhereZero(sum.value.constant(1)))

        var (direction, square) = (inputs.gradient, Value?.none)
        if isAdaptive {
            let (beta2, epsilon, correction) = (numbers[4], numbers[5], numbers[6])
            let v = beta2 * inputs.state[1] + (1 - beta2) * (direction * direction)
            direction = direction / ((v / correction).squareRoot + epsilon)
            square = v
        }
        if let decay = inputs.decay { direction = direction + decay * y }
        // y between the new z and the new x, without x itself.
        let moved = y + c * (z - y) + gamma * (beta * (1 - c) - 1) * direction
        return UpdateResults(
            moved, [z - gamma * direction] + (square.map { [$0] } ?? []) + [sum.value, largest.value])
    }

    func encodeAttributes(into key: inout KeyWriter) {
        key.write(isAdaptive)
        key.write(starts)
    }
}
