import MartletGraph
import MartletNN
import MartletTensor

/// RMSProp: each element's gradient divided by the root of its mean square.
///
///     g ← gradient (+ weightDecay · p)
///     v ← α·v + (1 - α)·g²                          α is `smoothing`
///     s = √v + ε                                    centred: √max(v - m², 0) + ε, m ← α·m + (1 - α)·g
///     p ← p - rate · g / s                          with momentum: b ← β·b + g / s, p ← p - rate · b
///
/// Source: G. Hinton, "Neural networks for machine learning", lecture 6e (2012), in the form of torch.optim.RMSprop, whose
/// defaults and names of state it has.
public final class RMSProp: Optimizer {
    /// α: the part of the mean square (and of the mean) that a step keeps.
    public let smoothing: Double
    /// ε: added to the root, outside it.
    public let epsilon: Double
    /// β: the part of the velocity that a step keeps; 0 for none.
    public let momentum: Double
    /// True where the mean gradient is taken off: gradients are divided by their standard deviation.
    public let centered: Bool
    /// True where steps go up the gradient instead of down.
    public let maximize: Bool
    private let hasMomentum: Bool

    /// One group of all parameters.
    public convenience init(
        _ parameters: [Parameter], learningRate: Double = 1e-2, smoothing: Double = 0.99, epsilon: Double = 1e-8,
        weightDecay: Double = 0, momentum: Double = 0, centered: Bool = false, maximize: Bool = false
    ) {
        self.init(
            [ParameterGroup(parameters, learningRate: learningRate, weightDecay: weightDecay)], smoothing: smoothing,
            epsilon: epsilon, momentum: momentum, centered: centered, maximize: maximize)
    }

    /// Groups with learning rates and weight decays of their own.
    public init(
        _ groups: [ParameterGroup], smoothing: Double = 0.99, epsilon: Double = 1e-8, momentum: Double = 0,
        centered: Bool = false, maximize: Bool = false
    ) {
        (self.smoothing, self.epsilon, self.momentum) = (smoothing, epsilon, momentum)
        (self.centered, self.maximize) = (centered, maximize)
        hasMomentum = momentum != 0 || groups.contains { $0.setsMomentum }
        super.init(
            groups,
            stateNames: ["square_avg"] + (hasMomentum ? ["momentum_buffer"] : []) + (centered ? ["grad_avg"] : []),
            settings: [.smoothing: smoothing, .epsilon: epsilon].merging(hasMomentum ? [.momentum: momentum] : [:]) {
                $1
            })
    }

    override package func composite(_ group: ParameterGroup, isFirst: Bool) -> any Composite {
        RMSPropUpdate(
            hasMomentum: hasMomentum, centered: centered, decays: group.decays, maximize: maximize)
    }

    override package func scalars(_ group: ParameterGroup, isFirst: Bool, count: StateNumber) -> [Value] {
        var numbers = [group.rate.value(), group[.smoothing].value(), group[.epsilon].value()]
        if hasMomentum { numbers.append(group[.momentum].value()) }
        if group.decays { numbers.append(group[.weightDecay].value()) }
        return numbers
    }
}
