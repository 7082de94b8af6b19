import MartletGraph
import MartletNN
import MartletTensor

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Adam.
///
///     g ← gradient (+ weightDecay · p)
///     m ← β₁·m + (1 - β₁)·g
///     v ← β₂·v + (1 - β₂)·g²
///     p ← p - rate · m̂ / (√v̂ + ε),  m̂ = m / (1 - β₁ᵗ), v̂ = v / (1 - β₂ᵗ)
///
/// with t the steps that have renewed this parameter: one that is unfrozen later starts at 1.
///
/// Source: D. Kingma and J. Ba (2015); AMSGrad: S. Reddi et al. (2018), the largest v so far in v's place.
public final class Adam: AdamFamily {
    /// Weight decay is added to the gradient (L2).
    public convenience init(
        _ parameters: [Parameter], learningRate: Double = 1e-3, betas: (Double, Double) = (0.9, 0.999),
        epsilon: Double = 1e-8, weightDecay: Double = 0, amsgrad: Bool = false, maximize: Bool = false
    ) {
        self.init(
            [ParameterGroup(parameters, learningRate: learningRate, weightDecay: weightDecay)], betas: betas,
            epsilon: epsilon, amsgrad: amsgrad, maximize: maximize)
    }

    /// Groups with learning rates and weight decays of their own; the other settings are those of the initialiser
    /// above.
    public init(
        _ groups: [ParameterGroup], betas: (Double, Double) = (0.9, 0.999), epsilon: Double = 1e-8,
        amsgrad: Bool = false, maximize: Bool = false
    ) {
        super.init(groups, betas, epsilon, .l2, amsgrad: amsgrad, maximize: maximize)
    }
}

/// Adam with decoupled weight decay: p ← p · (1 - rate · weightDecay) beside Adam's step.
///
/// Source: I. Loshchilov and F. Hutter, "Decoupled weight decay regularization" (2019).
public final class AdamW: AdamFamily {
    /// One group of all parameters.
    ///
    /// - Parameters:
    ///   - parameters: what is trained.
    ///   - learningRate: the step size.
    ///   - betas: β₁ and β₂, the parts of the means that a step keeps.
    ///   - epsilon: ε, added to the root of the second moment.
    ///   - weightDecay: the factor of the decoupled decay.
    ///   - amsgrad: whether the largest v so far takes v's place.
    ///   - maximize: whether steps go up the gradient instead of down.
    public convenience init(
        _ parameters: [Parameter], learningRate: Double = 1e-3, betas: (Double, Double) = (0.9, 0.999),
        epsilon: Double = 1e-8, weightDecay: Double = 1e-2, amsgrad: Bool = false, maximize: Bool = false
    ) {
        self.init(
            [ParameterGroup(parameters, learningRate: learningRate, weightDecay: weightDecay)], betas: betas,
            epsilon: epsilon, amsgrad: amsgrad, maximize: maximize)
    }

    /// Groups with learning rates and weight decays of their own; the other settings are those of the initialiser
    /// above.
    public init(
        _ groups: [ParameterGroup], betas: (Double, Double) = (0.9, 0.999), epsilon: Double = 1e-8,
        amsgrad: Bool = false, maximize: Bool = false
    ) {
        super.init(groups, betas, epsilon, .decoupled, amsgrad: amsgrad, maximize: maximize)
    }
}

/// What Adam and AdamW share.
public class AdamFamily: Optimizer {
    /// β₁ and β₂: the parts of the mean gradient and the mean square that a step keeps.
    public let betas: (Double, Double)
    /// ε: added to the root of the second moment.
    public let epsilon: Double
    private let decay: WeightDecay
    private let amsgrad: Bool
    private let maximize: Bool

    package init(
        _ groups: [ParameterGroup], _ betas: (Double, Double), _ epsilon: Double, _ decay: WeightDecay, amsgrad: Bool,
        maximize: Bool
    ) {
        (self.betas, self.epsilon, self.decay) = (betas, epsilon, decay)
        (self.amsgrad, self.maximize) = (amsgrad, maximize)
        super.init(
            groups, stateNames: ["exp_avg", "exp_avg_sq"] + (amsgrad ? ["max_exp_avg_sq"] : []),
            settings: [.beta1: betas.0, .beta2: betas.1, .epsilon: epsilon])
    }

    override package func composite(_ group: ParameterGroup, isFirst: Bool) -> any Composite {
        AdamUpdate(weightDecay: group.decays ? decay : .none, amsgrad: amsgrad, maximize: maximize)
    }

    override package func scalars(_ group: ParameterGroup, isFirst: Bool, count: StateNumber) -> [Value] {
        let (beta1, beta2) = (group[.beta1], group[.beta2])
        var numbers = [group.rate.value(), beta1.value(), beta2.value(), group[.epsilon].value()]
        if group.decays { numbers.append(group[.weightDecay].value()) }
        return numbers + [count.value { 1 - pow(beta1.current, $0) }, count.value { 1 - pow(beta2.current, $0) }]
    }
}
