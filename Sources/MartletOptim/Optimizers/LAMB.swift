import MartletGraph
import MartletNN
import MartletTensor

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// LAMB: Adam's step, scaled for each parameter to the parameter's own size: for large batches.
///
///     m ← β₁·m + (1 - β₁)·g,  v ← β₂·v + (1 - β₂)·g²
///     u = m̂ / (√v̂ + ε) + weightDecay · p,  m̂ = m / (1 - β₁ᵗ), v̂ = v / (1 - β₂ᵗ)
///     p ← p - rate · ‖p‖₂ / ‖u‖₂ · u                the ratio is 1 where either norm is 0
///
/// Source: Y. You et al., "Large batch optimization for deep learning: training BERT in 76 minutes" (2020), algorithm 2 with
/// φ(z) = z.
public final class LAMB: Optimizer {
    private let form: UpdateForm

    /// One group of all parameters.
    public convenience init(
        _ parameters: [Parameter], learningRate: Double = 1e-3, betas: (Double, Double) = (0.9, 0.999),
        epsilon: Double = 1e-6, weightDecay: Double = 0, maximize: Bool = false
    ) {
        self.init(
            [ParameterGroup(parameters, learningRate: learningRate, weightDecay: weightDecay)], betas: betas,
            epsilon: epsilon, maximize: maximize)
    }

    /// Groups with settings of their own.
    public init(
        _ groups: [ParameterGroup], betas: (Double, Double) = (0.9, 0.999), epsilon: Double = 1e-6,
        maximize: Bool = false
    ) {
        form = UpdateForm(.decoupled, maximize: maximize)
        super.init(
            groups, stateNames: ["exp_avg", "exp_avg_sq"],
            settings: [.beta1: betas.0, .beta2: betas.1, .epsilon: epsilon])
    }

    override package func composite(_ group: ParameterGroup, isFirst: Bool) -> any Composite {
        LAMBUpdate(form: form.decaying(group))
    }

    override package func scalars(_ group: ParameterGroup, isFirst: Bool, count: StateNumber) -> [Value] {
        let (beta1, beta2) = (group[.beta1], group[.beta2])
        return group.scalars(.beta1, .beta2, .epsilon) + [
            count.value { 1 - pow(beta1.current, $0) }, count.value { 1 - pow(beta2.current, $0) },
        ]
    }
}

private struct LAMBUpdate: UpdateFormula {
    let form: UpdateForm
    var name: String { "lambUpdate" }
    var numberNames: [String] { ["beta1", "beta2", "epsilon", "bias correction 1", "bias correction 2"] }
    var decaysItself: Bool { true }

    func step(_ inputs: UpdateInputs) -> UpdateResults {
        let (beta1, beta2, epsilon) = (inputs.numbers[0], inputs.numbers[1], inputs.numbers[2])
        let (correction1, correction2) = (inputs.numbers[3], inputs.numbers[4])
        let (p, g) = (inputs.parameter, inputs.gradient)
        let m = beta1 * inputs.state[0] + (1 - beta1) * g
        let v = beta2 * inputs.state[1] + (1 - beta2) * (g * g)
        var u = (m / correction1) / ((v / correction2).squareRoot + epsilon)
        if let decay = inputs.decay { u = u + decay * p }
        return UpdateResults(p - inputs.rate * (trustRatio(p.norm, u.norm) * u), [m, v])
    }
}

/// ‖p‖ / ‖u‖, and 1 where either is 0.
func trustRatio(_ parameter: Value, _ update: Value) -> Value {
    let one = parameter.constant(1)
    let ratio = parameter / update.orWhereZero(one)
    return Value.choose((parameter * update) .> parameter.constant(0), ratio, one)
}
