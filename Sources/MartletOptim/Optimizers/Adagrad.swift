import MartletGraph
import MartletNN
import MartletTensor

/// Adagrad: each element's gradient divided by the root of the sum of all its squares so far.
///
///     g ← gradient (+ weightDecay · p)
///     s ← s + g²                                    from s = `initialAccumulator`
///     p ← p - rate / (1 + (t - 1) · learningRateDecay) · g / (√s + ε)      in step t = 1, 2, ...
///
/// Source: J. Duchi, E. Hazan and Y. Singer (2011), in the form of torch.optim.Adagrad, whose defaults and names of state
/// it has.
public final class Adagrad: Optimizer {
    /// What a step adds to the divisor of the learning rate.
    public let learningRateDecay: Double
    /// What the sums of squares begin with.
    public let initialAccumulator: Double
    /// ε: added to the root, outside it.
    public let epsilon: Double
    /// True where steps go up the gradient instead of down.
    public let maximize: Bool

    /// One group of all parameters.
    public convenience init(
        _ parameters: [Parameter], learningRate: Double = 1e-2, learningRateDecay: Double = 0, weightDecay: Double = 0,
        initialAccumulator: Double = 0, epsilon: Double = 1e-10, maximize: Bool = false
    ) {
        self.init(
            [ParameterGroup(parameters, learningRate: learningRate, weightDecay: weightDecay)],
            learningRateDecay: learningRateDecay, initialAccumulator: initialAccumulator, epsilon: epsilon,
            maximize: maximize)
    }

    /// Groups with learning rates and weight decays of their own.
    public init(
        _ groups: [ParameterGroup], learningRateDecay: Double = 0, initialAccumulator: Double = 0,
        epsilon: Double = 1e-10, maximize: Bool = false
    ) {
        (self.learningRateDecay, self.initialAccumulator) = (learningRateDecay, initialAccumulator)
        (self.epsilon, self.maximize) = (epsilon, maximize)
        super.init(groups, stateNames: ["sum"], settings: [.epsilon: epsilon])
    }

    /// State begins with zeros: without an initial accumulator the first step is one like all.
    private func starts(_ isFirst: Bool) -> Bool { isFirst && initialAccumulator != 0 }

    override package func composite(_ group: ParameterGroup, isFirst: Bool) -> any Composite {
        AdagradUpdate(starts: starts(isFirst), decays: group.decays, maximize: maximize)
    }

    override package func scalars(_ group: ParameterGroup, isFirst: Bool, count: StateNumber) -> [Value] {
        let decay = learningRateDecay
        var numbers = [group.rate.value(), count.value { 1 + ($0 - 1) * decay }, group[.epsilon].value()]
        if group.decays { numbers.append(group[.weightDecay].value()) }
        if starts(isFirst) { numbers.append(.setting(initialAccumulator)) }
        return numbers
    }
}
