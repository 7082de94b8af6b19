import MartletGraph
import MartletNN
import MartletTensor

/// LARS: gradient descent with momentum, each parameter's rate scaled to its own size: for large batches.
///
///     local = η·‖p‖₂ / (‖g‖₂ + weightDecay·‖p‖₂ + ε)     1 where either norm is 0; η is `trust`
///     v ← β·v + rate · local · (g + weightDecay · p)
///     p ← p - v                                          with Nesterov's look-ahead: β·v + rate · local · (…)
///
/// Biases and the parameters of normalisations should neither decay nor be scaled: with `scalesVectors` false (the
/// default) local is 1 for parameters of fewer than two axes, and `ParameterGroup.decayingWeights(of:)` leaves out their
/// decay.
///
/// Source: Y. You, I. Gitman and B. Ginsburg, "Large batch training of convolutional networks" (2017), algorithm 1.
public final class LARS: Optimizer {
    /// η: the part of its own length that a parameter may move in a step of rate 1.
    public let trust: Double
    /// ε: added to the divisor of the local rate.
    public let epsilon: Double
    /// True where a step looks ahead.
    public let nesterov: Bool
    /// True where parameters of fewer than two axes are scaled too.
    public let scalesVectors: Bool
    private let form: UpdateForm

    /// One group of all parameters.
    public convenience init(
        _ parameters: [Parameter], learningRate: Double, momentum: Double = 0.9, weightDecay: Double = 0,
        trust: Double = 1e-3, epsilon: Double = 0, nesterov: Bool = false, scalesVectors: Bool = false,
        maximize: Bool = false
    ) {
        self.init(
            [ParameterGroup(parameters, learningRate: learningRate, weightDecay: weightDecay)], momentum: momentum,
            trust: trust, epsilon: epsilon, nesterov: nesterov, scalesVectors: scalesVectors, maximize: maximize)
    }

    /// Groups with settings of their own.
    public init(
        _ groups: [ParameterGroup], momentum: Double = 0.9, trust: Double = 1e-3, epsilon: Double = 0,
        nesterov: Bool = false, scalesVectors: Bool = false, maximize: Bool = false
    ) {
        (self.trust, self.epsilon, self.nesterov) = (trust, epsilon, nesterov)
        self.scalesVectors = scalesVectors
        form = UpdateForm(.l2, maximize: maximize)
        super.init(
            groups, stateNames: ["momentum_buffer"], settings: [.momentum: momentum, .epsilon: epsilon])
    }

    override package func composite(_ group: ParameterGroup, isFirst: Bool) -> any Composite {
        LARSUpdate(form: form.decaying(group), nesterov: nesterov, scalesVectors: scalesVectors)
    }

    override package func scalars(_ group: ParameterGroup, isFirst: Bool, count: StateNumber) -> [Value] {
        group.scalars(.momentum, .epsilon) + [.setting(trust)]
    }
}

private struct LARSUpdate: UpdateFormula {
    let form: UpdateForm
    let nesterov: Bool
    let scalesVectors: Bool
    var name: String { "larsUpdate" }
    var numberNames: [String] { ["momentum", "epsilon", "trust"] }
    var decaysItself: Bool { true }

    func step(_ inputs: UpdateInputs) -> UpdateResults {
        let (beta, epsilon, trust) = (inputs.numbers[0], inputs.numbers[1], inputs.numbers[2])
        let (p, g) = (inputs.parameter, inputs.gradient)
        let direction = inputs.decay.map { g + $0 * p } ?? g
        var moved = inputs.rate * direction
        if scalesVectors || p.rank >= 2 {
            let (size, slope, one) = (p.norm, g.norm, p.constant(1))
            let divisor = (inputs.decay.map { slope + $0 * size } ?? slope) + epsilon
            let local = trust * (size / divisor.orWhereZero(one))
            moved = moved * Value.choose((size * slope) .> p.constant(0), local, one)
        }
        let v = beta * inputs.state[0] + moved
        return UpdateResults(p - (nesterov ? beta * v + moved : v), [v])
    }

    func encodeAttributes(into key: inout KeyWriter) {
        key.write(nesterov)
        key.write(scalesVectors)
    }
}
