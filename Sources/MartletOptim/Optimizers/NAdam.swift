import MartletGraph
import MartletNN
import MartletTensor

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// NAdam: Adam with Nesterov's look-ahead and a momentum that grows to β₁.
///
///     g ← gradient (+ weightDecay · p)
///     μₜ = β₁·(1 - ½·0.96^(t·ψ))                    ψ is `momentumDecay`
///     Μ ← Μ·μₜ                                      from Μ = 1
///     m ← β₁·m + (1 - β₁)·g
///     v ← β₂·v + (1 - β₂)·g²
///     m̂ = μₜ₊₁·m / (1 - Μ·μₜ₊₁) + (1 - μₜ)·g / (1 - Μ)
///     p ← p - rate · m̂ / (√(v / (1 - β₂ᵗ)) + ε)
///
/// With `decouplesWeightDecay` p shrinks by 1 - rate · weightDecay beside the step instead.
///
/// Source: T. Dozat, "Incorporating Nesterov momentum into Adam" (2016), in the form of torch.optim.NAdam, whose defaults and
/// names of state it has; Μ is kept in float64.
public final class NAdam: Optimizer {
    /// ψ: how fast the momentum grows to β₁.
    public let momentumDecay: Double
    private let form: UpdateForm

    /// One group of all parameters.
    public convenience init(
        _ parameters: [Parameter], learningRate: Double = 2e-3, betas: (Double, Double) = (0.9, 0.999),
        epsilon: Double = 1e-8, weightDecay: Double = 0, decouplesWeightDecay: Bool = false,
        momentumDecay: Double = 4e-3, maximize: Bool = false
    ) {
        self.init(
            [ParameterGroup(parameters, learningRate: learningRate, weightDecay: weightDecay)], betas: betas,
            epsilon: epsilon, decouplesWeightDecay: decouplesWeightDecay, momentumDecay: momentumDecay,
            maximize: maximize)
    }

    /// Groups with settings of their own.
    public init(
        _ groups: [ParameterGroup], betas: (Double, Double) = (0.9, 0.999), epsilon: Double = 1e-8,
        decouplesWeightDecay: Bool = false, momentumDecay: Double = 4e-3, maximize: Bool = false
    ) {
        self.momentumDecay = momentumDecay
        form = UpdateForm(decouplesWeightDecay ? .decoupled : .l2, maximize: maximize)
        super.init(
            groups, stateNames: ["exp_avg", "exp_avg_sq", "mu_product"],
            settings: [.beta1: betas.0, .beta2: betas.1, .epsilon: epsilon],
            stateTypes: { parameter in
                let own = TensorType(parameter.shape, parameter.dtype)
                return [own, own, TensorType([], .float64)]
            })
    }

    override package func composite(_ group: ParameterGroup, isFirst: Bool) -> any Composite {
        NAdamUpdate(form: form.decaying(group), starts: isFirst)
    }

    override package func scalars(_ group: ParameterGroup, isFirst: Bool, count: StateNumber) -> [Value] {
        let (beta1, beta2, psi) = (group[.beta1], group[.beta2], momentumDecay)
        func mu(_ t: Double) -> Double { beta1.current * (1 - 0.5 * pow(0.96, t * psi)) }
        return group.scalars(.beta1, .beta2, .epsilon) + [
            count.value { 1 - pow(beta2.current, $0) }, count.value { mu($0) }, count.value { mu($0 + 1) },
        ]
    }
}

private struct NAdamUpdate: UpdateFormula {
    let form: UpdateForm
    /// True where Μ is not there yet.
    let starts: Bool
    var name: String { "nAdamUpdate" }
    var numberNames: [String] { ["beta1", "beta2", "epsilon", "bias correction", "mu", "next mu"] }

    func step(_ inputs: UpdateInputs) -> UpdateResults {
        let (beta1, beta2, epsilon) = (inputs.numbers[0], inputs.numbers[1], inputs.numbers[2])
        let (correction, mu, nextMu) = (inputs.numbers[3], inputs.numbers[4], inputs.numbers[5])
        let g = inputs.gradient
        let product = starts ? mu : Number(value: inputs.state[2]) * mu
        let m = beta1 * inputs.state[0] + (1 - beta1) * g
        let v = beta2 * inputs.state[1] + (1 - beta2) * (g * g)
        let ahead = nextMu / (1 - product * nextMu) * m + (1 - mu) / (1 - product) * g
        let size = (v / correction).squareRoot + epsilon
        return UpdateResults(inputs.parameter - inputs.rate * (ahead / size), [m, v, product.value])
    }

    func encodeAttributes(into key: inout KeyWriter) { key.write(starts) }
}
