import MartletGraph
import MartletNN
import MartletTensor

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Adamax: Adam with the largest gradient, faded, in place of the root of the mean square.
///
///     g ← gradient (+ weightDecay · p)
///     m ← β₁·m + (1 - β₁)·g
///     u ← max(β₂·u, |g| + ε)
///     p ← p - rate / (1 - β₁ᵗ) · m / u
///
/// Source: D. Kingma and J. Ba (2015), section 7.1, in the form of torch.optim.Adamax, whose defaults and names of state it
/// has.
public final class Adamax: Optimizer {
    private let form: UpdateForm

    /// One group of all parameters.
    public convenience init(
        _ parameters: [Parameter], learningRate: Double = 2e-3, betas: (Double, Double) = (0.9, 0.999),
        epsilon: Double = 1e-8, weightDecay: Double = 0, maximize: Bool = false
    ) {
        self.init(
            [ParameterGroup(parameters, learningRate: learningRate, weightDecay: weightDecay)], betas: betas,
            epsilon: epsilon, maximize: maximize)
    }

    /// Groups with settings of their own.
    public init(
        _ groups: [ParameterGroup], betas: (Double, Double) = (0.9, 0.999), epsilon: Double = 1e-8,
        maximize: Bool = false
    ) {
        form = UpdateForm(.l2, maximize: maximize)
        super.init(
            groups, stateNames: ["exp_avg", "exp_inf"],
            settings: [.beta1: betas.0, .beta2: betas.1, .epsilon: epsilon])
    }

    override package func composite(_ group: ParameterGroup, isFirst: Bool) -> any Composite {
        AdamaxUpdate(form: form.decaying(group))
    }

    override package func scalars(_ group: ParameterGroup, isFirst: Bool, count: StateNumber) -> [Value] {
        let beta1 = group[.beta1]
        return group.scalars(.beta1, .beta2, .epsilon) + [count.value { 1 - pow(beta1.current, $0) }]
    }
}

private struct AdamaxUpdate: UpdateFormula {
    let form: UpdateForm
    var name: String { "adamaxUpdate" }
    var numberNames: [String] { ["beta1", "beta2", "epsilon", "bias correction"] }

    func step(_ inputs: UpdateInputs) -> UpdateResults {
        let (beta1, beta2, epsilon, correction) = (
            inputs.numbers[0], inputs.numbers[1], inputs.numbers[2], inputs.numbers[3]
        )
        let g = inputs.gradient
        let m = beta1 * inputs.state[0] + (1 - beta1) * g
        let u = (beta2 * inputs.state[1]).maximum(g.magnitude + epsilon)
        return UpdateResults(inputs.parameter - inputs.rate / correction * (m / u), [m, u])
    }
}
