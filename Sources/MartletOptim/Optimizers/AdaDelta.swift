import MartletGraph
import MartletNN
import MartletTensor

/// AdaDelta: steps in the parameter's own units, by the ratio of two running root mean squares.
///
///     g ← gradient (+ weightDecay · p)
///     v ← ρ·v + (1 - ρ)·g²                          ρ is `smoothing`
///     Δ ← √(u + ε) / √(v + ε) · g
///     u ← ρ·u + (1 - ρ)·Δ²
///     p ← p - rate · Δ
///
/// Source: M. Zeiler, "ADADELTA: an adaptive learning rate method" (2012), in the form of torch.optim.Adadelta, whose
/// defaults and names of state it has.
public final class AdaDelta: Optimizer {
    private let form: UpdateForm

    /// One group of all parameters.
    public convenience init(
        _ parameters: [Parameter], learningRate: Double = 1, smoothing: Double = 0.9, epsilon: Double = 1e-6,
        weightDecay: Double = 0, maximize: Bool = false
    ) {
        self.init(
            [ParameterGroup(parameters, learningRate: learningRate, weightDecay: weightDecay)], smoothing: smoothing,
            epsilon: epsilon, maximize: maximize)
    }

    /// Groups with settings of their own.
    public init(_ groups: [ParameterGroup], smoothing: Double = 0.9, epsilon: Double = 1e-6, maximize: Bool = false) {
        form = UpdateForm(.l2, maximize: maximize)
        super.init(
            groups, stateNames: ["square_avg", "acc_delta"], settings: [.smoothing: smoothing, .epsilon: epsilon])
    }

    override package func composite(_ group: ParameterGroup, isFirst: Bool) -> any Composite {
        AdaDeltaUpdate(form: form.decaying(group))
    }

    override package func scalars(_ group: ParameterGroup, isFirst: Bool, count: StateNumber) -> [Value] {
        group.scalars(.smoothing, .epsilon)
    }
}

private struct AdaDeltaUpdate: UpdateFormula {
    let form: UpdateForm
    var name: String { "adaDeltaUpdate" }
    var numberNames: [String] { ["smoothing", "epsilon"] }

    func step(_ inputs: UpdateInputs) -> UpdateResults {
        let (rho, epsilon, g) = (inputs.numbers[0], inputs.numbers[1], inputs.gradient)
        let v = rho * inputs.state[0] + (1 - rho) * (g * g)
        let delta = (inputs.state[1] + epsilon).squareRoot / (v + epsilon).squareRoot * g
        let u = rho * inputs.state[1] + (1 - rho) * (delta * delta)
        return UpdateResults(inputs.parameter - inputs.rate * delta, [v, u])
    }
}
