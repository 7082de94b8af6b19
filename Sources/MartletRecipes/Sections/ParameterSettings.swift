import MartletNN
import MartletOptim

/// Parameters that share their settings, before an optimizer has them.
struct ParameterSettings {
    var parameters: [(name: String, parameter: Parameter)]
    var learningRate: Double
    var weightDecay: Double
    /// Whether biases and the parameters of normalisations decay too.
    var decaysAll: Bool
    /// Whether the rate, and the decay, were said for these parameters.
    var hasOwnRate = false, hasOwnDecay = false
    var momentum: Double?
    var betas: (Double, Double)?
    var epsilon: Double?
    var smoothing: Double?

    /// A model's parameters by path, each once.
    static func all(of model: any Module) -> [(name: String, parameter: Parameter)] {
        var met = Set<ObjectIdentifier>()
        return model.namedParameters.filter { met.insert(ObjectIdentifier($0.parameter)).inserted }
            .map { ($0.name, $0.parameter) }
    }

    /// Those of the parameters that a condition holds for.
    func filtered(_ isWanted: (Parameter) -> Bool) -> ParameterSettings {
        var settings = self
        settings.parameters = parameters.filter { isWanted($0.parameter) }
        return settings
    }

    /// As groups of an optimizer: what decays, and what does not; none without parameters.
    var groups: [ParameterGroup] {
        let decaying = parameters.map(\.parameter).filter { decaysAll || weightDecay == 0 || $0.shape.rank >= 2 }
        let others = parameters.map(\.parameter).filter { parameter in !decaying.contains { $0 === parameter } }
        return [(decaying, weightDecay), (others, 0)].filter { !$0.0.isEmpty }.map { parameters, decay in
            ParameterGroup(
                parameters, learningRate: learningRate, weightDecay: decay, momentum: momentum, betas: betas,
                epsilon: epsilon, smoothing: smoothing)
        }
    }
}
