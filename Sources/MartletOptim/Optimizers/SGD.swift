import MartletGraph
import MartletNN
import MartletTensor

/// Stochastic gradient descent, with or without momentum.
///
///     g ← gradient (+ weightDecay · p)
///     v ← β·v + g                 `.pytorch`; β·v + (1 - dampening)·g after the first step, with dampening
///     v ← β·v + (1 - β)·g         `.exponentialAverage`, from v = 0
///     p ← p - rate · v            or, with Nesterov's look-ahead, rate · (β·v + g)
///
/// Decoupled weight decay is p ← p · (1 - rate · weightDecay) beside the step, instead of a part of g.
///
/// Source: I. Sutskever et al. (2013), in the form of torch.optim.SGD.
public final class SGD: Optimizer {
    /// How momentum adds a gradient g to the velocity v: `pytorch` is v ← β·v + g, `exponentialAverage` is
    /// v ← β·v + (1 - β)·g from v = 0. The exponential average is not PyTorch's dampening, which takes the
    /// full gradient on the first step.
    public enum MomentumForm: Sendable { case pytorch, exponentialAverage }

    /// β: the part of the velocity that a step keeps; 0 for none.
    public let momentum: Double
    /// How a gradient joins the velocity.
    public let momentumForm: MomentumForm
    /// The part of each gradient after the first that does not join the velocity.
    public let dampening: Double
    /// True where a step goes by β·v + g instead of v.
    public let nesterov: Bool
    private let decay: WeightDecay
    private let hasMomentum: Bool
    /// True where steps go up the gradient instead of down.
    public let maximize: Bool

    /// One group of all parameters.
    public convenience init(
        _ parameters: [Parameter], learningRate: Double, momentum: Double = 0, momentumForm: MomentumForm = .pytorch,
        dampening: Double = 0, nesterov: Bool = false, weightDecay: Double = 0, decouplesWeightDecay: Bool = false,
        maximize: Bool = false
    ) {
        self.init(
            [ParameterGroup(parameters, learningRate: learningRate, weightDecay: weightDecay)], momentum: momentum,
            momentumForm: momentumForm, dampening: dampening, nesterov: nesterov,
            decouplesWeightDecay: decouplesWeightDecay, maximize: maximize)
    }

    /// Groups with learning rates and weight decays of their own.
    public init(
        _ groups: [ParameterGroup], momentum: Double = 0, momentumForm: MomentumForm = .pytorch, dampening: Double = 0,
        nesterov: Bool = false, decouplesWeightDecay: Bool = false, maximize: Bool = false
    ) {
        hasMomentum = momentum != 0 || groups.contains { $0.setsMomentum }
        guard !nesterov || hasMomentum && dampening == 0 else {
            stop("SGD: Nesterov's look-ahead needs a momentum and no dampening")
        }
        guard dampening == 0 || momentumForm == .pytorch else {
            stop(
                "SGD: dampening belongs to PyTorch's momentum; the exponential average weighs gradients by 1 - momentum"
            )
        }
        (self.momentum, self.momentumForm, self.dampening) = (momentum, momentumForm, dampening)
        (self.nesterov, self.maximize) = (nesterov, maximize)
        decay = decouplesWeightDecay ? .decoupled : .l2
        super.init(
            groups, stateNames: hasMomentum ? ["momentum_buffer"] : [],
            settings: hasMomentum ? [.momentum: momentum] : [:])
    }

    /// The first gradient starts the velocity undamped.
    private func form(isFirst: Bool) -> SGDUpdate.Momentum {
        if !hasMomentum { return .none }
        if momentumForm == .exponentialAverage { return .exponentialAverage }
        return dampening == 0 || isFirst ? .pytorch : .dampened
    }

    override package func composite(_ group: ParameterGroup, isFirst: Bool) -> any Composite {
        SGDUpdate(
            momentum: form(isFirst: isFirst), nesterov: nesterov, weightDecay: group.decays ? decay : .none,
            maximize: maximize)
    }

    override package func scalars(_ group: ParameterGroup, isFirst: Bool, count: StateNumber) -> [Value] {
        let form = form(isFirst: isFirst)
        var numbers = [group.rate.value()]
        if form != .none { numbers.append(group[.momentum].value()) }
        // A group without momentum has no velocity that could be damped.
        if form == .dampened { numbers.append(group[.momentum].value { [dampening] in $0 == 0 ? 0 : dampening }) }
        if group.decays { numbers.append(group[.weightDecay].value()) }
        return numbers
    }
}
