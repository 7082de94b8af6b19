import MartletGraph
import MartletNN
import MartletTensor

/// Stochastic gradient descent, with or without momentum.
///
///     g ← gradient (+ weightDecay · p)
///     v ← β·v + g                 `.pytorch`
///     v ← β·v + (1 - β)·g         `.exponentialAverage`, from v = 0
///     p ← p - rate · v            or, with Nesterov's look-ahead, rate · (β·v + g)
///
/// Source: I. Sutskever et al. (2013), in the form of torch.optim.SGD.
public final class SGD: Optimizer {
    /// How momentum adds a gradient to the velocity. The exponential average is not PyTorch's dampening, which takes the
    /// full gradient on the first step.
    public enum MomentumForm: Sendable { case pytorch, exponentialAverage }

    public let momentum: Double
    public let momentumForm: MomentumForm
    public let nesterov: Bool
    public let maximize: Bool

    public convenience init(
        _ parameters: [Parameter], learningRate: Double, momentum: Double = 0, momentumForm: MomentumForm = .pytorch,
        nesterov: Bool = false, weightDecay: Double = 0, maximize: Bool = false
    ) {
        self.init(
            [ParameterGroup(parameters, learningRate: learningRate, weightDecay: weightDecay)], momentum: momentum,
            momentumForm: momentumForm, nesterov: nesterov, maximize: maximize)
    }

    public init(
        _ groups: [ParameterGroup], momentum: Double = 0, momentumForm: MomentumForm = .pytorch, nesterov: Bool = false,
        maximize: Bool = false
    ) {
        guard !nesterov || momentum > 0 else { stop("SGD: Nesterov's look-ahead needs a momentum") }
        (self.momentum, self.momentumForm, self.nesterov, self.maximize) = (momentum, momentumForm, nesterov, maximize)
        super.init(groups, stateNames: momentum == 0 ? [] : ["momentum_buffer"])
    }

    override package func composite(_ group: ParameterGroup) -> any Composite {
        let form: SGDUpdate.Momentum = momentumForm == .pytorch ? .pytorch : .exponentialAverage
        return SGDUpdate(
            momentum: momentum == 0 ? .none : form, nesterov: nesterov,
            weightDecay: group.weightDecay == 0 ? .none : .l2,
            maximize: maximize)
    }

    override package func scalars(_ group: ParameterGroup) -> [Value] {
        var numbers = [group.rate.value()]
        if momentum != 0 { numbers.append(.setting(momentum)) }
        if group.weightDecay != 0 { numbers.append(.setting(group.weightDecay)) }
        return numbers
    }
}
