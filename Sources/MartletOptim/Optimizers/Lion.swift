import MartletGraph
import MartletNN
import MartletTensor

/// Lion: steps of one size, by the sign of a mean gradient.
///
///     p ← p · (1 - rate · weightDecay)
///     p ← p - rate · sign(β₁·m + (1 - β₁)·g)
///     m ← β₂·m + (1 - β₂)·g
///
/// Take a learning rate three to ten times smaller than AdamW's, and a decay as much larger.
///
/// Source: X. Chen et al., "Symbolic discovery of optimization algorithms" (2023), algorithm 2.
public final class Lion: Optimizer {
    private let form: UpdateForm

    /// One group of all parameters.
    public convenience init(
        _ parameters: [Parameter], learningRate: Double = 1e-4, betas: (Double, Double) = (0.9, 0.99),
        weightDecay: Double = 0, maximize: Bool = false
    ) {
        self.init(
            [ParameterGroup(parameters, learningRate: learningRate, weightDecay: weightDecay)], betas: betas,
            maximize: maximize)
    }

    /// Groups with settings of their own.
    public init(_ groups: [ParameterGroup], betas: (Double, Double) = (0.9, 0.99), maximize: Bool = false) {
        form = UpdateForm(.decoupled, maximize: maximize)
        super.init(groups, stateNames: ["exp_avg"], settings: [.beta1: betas.0, .beta2: betas.1])
    }

    override package func composite(_ group: ParameterGroup, isFirst: Bool) -> any Composite {
        LionUpdate(form: form.decaying(group))
    }

    override package func scalars(_ group: ParameterGroup, isFirst: Bool, count: StateNumber) -> [Value] {
        group.scalars(.beta1, .beta2)
    }
}

private struct LionUpdate: UpdateFormula {
    let form: UpdateForm
    var name: String { "lionUpdate" }
    var numberNames: [String] { ["beta1", "beta2"] }

    func step(_ inputs: UpdateInputs) -> UpdateResults {
        let (beta1, beta2, g, m) = (inputs.numbers[0], inputs.numbers[1], inputs.gradient, inputs.state[0])
        let direction = (beta1 * m + (1 - beta1) * g).sign
        return UpdateResults(inputs.parameter - inputs.rate * direction, [beta2 * m + (1 - beta2) * g])
    }
}
