import MartletGraph
import MartletNN
import MartletTensor

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// RAdam: Adam whose steps follow the mean gradient alone until there are enough squares to trust their mean.
///
///     g ← gradient (+ weightDecay · p)
///     m ← β₁·m + (1 - β₁)·g
///     v ← β₂·v + (1 - β₂)·g²
///     ρ∞ = 2 / (1 - β₂) - 1,  ρₜ = ρ∞ - 2·t·β₂ᵗ / (1 - β₂ᵗ)
///     p ← p - rate · m̂ · r · √(1 - β₂ᵗ) / (√v + ε)   where ρₜ > 5,  else  p - rate · m̂
///     m̂ = m / (1 - β₁ᵗ),  r = √((ρₜ - 4)(ρₜ - 2)ρ∞ / ((ρ∞ - 4)(ρ∞ - 2)ρₜ))
///
/// With `decouplesWeightDecay` p shrinks by 1 - rate · weightDecay beside the step instead.
///
/// Source: L. Liu et al., "On the variance of the adaptive learning rate and beyond" (2020), in the form of
/// torch.optim.RAdam, whose defaults and names of state it has.
public final class RAdam: Optimizer {
    private let form: UpdateForm

    /// One group of all parameters.
    public convenience init(
        _ parameters: [Parameter], learningRate: Double = 1e-3, betas: (Double, Double) = (0.9, 0.999),
        epsilon: Double = 1e-8, weightDecay: Double = 0, decouplesWeightDecay: Bool = false, maximize: Bool = false
    ) {
        self.init(
            [ParameterGroup(parameters, learningRate: learningRate, weightDecay: weightDecay)], betas: betas,
            epsilon: epsilon, decouplesWeightDecay: decouplesWeightDecay, maximize: maximize)
    }

    /// Groups with settings of their own.
    public init(
        _ groups: [ParameterGroup], betas: (Double, Double) = (0.9, 0.999), epsilon: Double = 1e-8,
        decouplesWeightDecay: Bool = false, maximize: Bool = false
    ) {
        form = UpdateForm(decouplesWeightDecay ? .decoupled : .l2, maximize: maximize)
        super.init(
            groups, stateNames: ["exp_avg", "exp_avg_sq"],
            settings: [.beta1: betas.0, .beta2: betas.1, .epsilon: epsilon])
    }

    override package func composite(_ group: ParameterGroup, isFirst: Bool) -> any Composite {
        RAdamUpdate(form: form.decaying(group))
    }

    override package func scalars(_ group: ParameterGroup, isFirst: Bool, count: StateNumber) -> [Value] {
        let (beta1, beta2) = (group[.beta1], group[.beta2])
        // r·√(1 - β₂ᵗ) where the squares are trusted, else 0: no such product is 0 itself.
        func rectification(_ t: Double) -> Double {
            let kept = beta2.current
            let correction = 1 - pow(kept, t)
            let rhoInfinity = 2 / (1 - kept) - 1
            let rho = rhoInfinity - 2 * t * pow(kept, t) / correction
            guard rho > 5 else { return 0 }
            let ratio = (rho - 4) * (rho - 2) * rhoInfinity / ((rhoInfinity - 4) * (rhoInfinity - 2) * rho)
            return (ratio * correction).squareRoot()
        }
        return group.scalars(.beta1, .beta2, .epsilon) + [
            count.value { 1 - pow(beta1.current, $0) }, count.value { rectification($0) },
        ]
    }
}

private struct RAdamUpdate: UpdateFormula {
    let form: UpdateForm
    var name: String { "rAdamUpdate" }
    var numberNames: [String] { ["beta1", "beta2", "epsilon", "bias correction", "rectification"] }

    func step(_ inputs: UpdateInputs) -> UpdateResults {
        let (beta1, beta2, epsilon) = (inputs.numbers[0], inputs.numbers[1], inputs.numbers[2])
        let (correction, r) = (inputs.numbers[3], inputs.numbers[4])
        let g = inputs.gradient
        let m = beta1 * inputs.state[0] + (1 - beta1) * g
        let v = beta2 * inputs.state[1] + (1 - beta2) * (g * g)
        let scale = r * (v.ones() / (v.squareRoot + epsilon))
        let trusted = Value.choose(r.value .> r.value.constant(0), scale, v.ones())
        return UpdateResults(inputs.parameter - inputs.rate / correction * (m * trusted), [m, v])
    }
}
