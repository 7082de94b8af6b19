import MartletGraph
import MartletNN
import MartletOptim
import MartletTensor

/// The optimizer of a recipe.
///
///     optimizer: adamw
///     optimizer: {kind: sgd, lr: 0.1, momentum: 0.9, nesterov: true, weight_decay: 5e-4}
public struct OptimizerRecipe: Sendable {
    /// The optimizers that a recipe may name.
    public enum Kind: String, CaseIterable, Sendable {
        case adam, adamw, sgd, adamax, nadam, radam, adagrad, adadelta, rmsprop, adafactor, lion, lamb, lars

        /// The optimizer with the settings that are usual for it.
        public func usual(_ model: any Module, learningRate: Double? = nil) -> Optimizer {
            do {
                var entries = [("kind", RecipeNode.text(rawValue))]
                if let learningRate { entries.append(("lr", .bare(learningRate))) }
                return try OptimizerRecipe(RecipeMap(.map(entries), file: "optimizer")).make(model)
            } catch { stop("OptimizerRecipe.Kind.usual: \(error)") }
        }
    }

    /// Its name.
    public let kind: Kind
    /// The step size, or what a schedule takes for it.
    public let learningRate: Double
    private let weightDecay: Double
    private let decaysAll: Bool
    private let lookahead: (period: Int, share: Double)?
    private let build: @Sendable ([ParameterGroup]) -> Optimizer

    init(_ map: RecipeMap) throws {
        kind = try map.choice("kind", default: Kind.adam)
        let maker = Self.maker(of: kind)
        learningRate = try map.number("lr", default: maker.rate, in: .positive)
        weightDecay = try map.number("weight_decay", default: maker.decay, in: .notNegative)
        decaysAll = try map.flag("decay_biases", default: false)
        build = try maker.read(map)
        lookahead = try map.optionalSection("lookahead") { part in
            (try part.count("period", default: 5, atLeast: 1), try part.number("share", default: 0.5, in: 0...1))
        }
    }

    /// The optimizer over a model: weights decay, biases and the parameters of normalisations only where `decay_biases` says.
    public func make(_ model: any Module) -> Optimizer {
        let split = ParameterGroup.decayingWeights(of: model, learningRate: learningRate, weightDecay: weightDecay)
        let all = [ParameterGroup(model.parameters, learningRate: learningRate, weightDecay: weightDecay)]
        let optimizer = build(decaysAll || weightDecay == 0 ? all : split.filter { !$0.parameters.isEmpty })
        return lookahead.map { Lookahead(optimizer, period: $0.period, share: $0.share) } ?? optimizer
    }

    private struct Maker: Sendable {
        /// The learning rate and the decay where a recipe names none.
        var rate = 1e-3, decay = 0.0
        let read: @Sendable (RecipeMap) throws -> @Sendable ([ParameterGroup]) -> Optimizer
    }

    private static func maker(of kind: Kind) -> Maker {
        switch kind {
        case .sgd: sgd
        case .lion: lion
        case .adam: adam
        case .adamw: adamw
        case .adamax: adamax
        case .nadam: nadam
        case .radam: radam
        case .adagrad: adagrad
        case .adadelta: adadelta
        case .rmsprop: rmsprop
        case .adafactor: adafactor
        case .lamb: lamb
        case .lars: lars
        }
    }

    private static let sgd = Maker(rate: 0.01) { map in
        let momentum = try map.number("momentum", default: 0, in: 0...1)
        let form = try map.name("momentum_form", among: ["pytorch", "exponential_average"], default: "pytorch")
        let dampening = try map.number("dampening", default: 0, in: 0...1)
        let nesterov = try map.flag("nesterov")
        let isDecoupled = try map.flag("decoupled")
        if nesterov, momentum == 0 || dampening != 0 {
            throw map.error("nesterov", "a momentum and no dampening beside it", map.value("nesterov"))
        }
        return { groups in
            SGD(
                groups, momentum: momentum, momentumForm: form == "pytorch" ? .pytorch : .exponentialAverage,
                dampening: dampening, nesterov: nesterov, decouplesWeightDecay: isDecoupled)
        }
    }

    private static let lion = Maker(rate: 1e-4) { map in
        let betas = try map.betas(0.9, 0.99)
        return { Lion($0, betas: betas) }
    }

    private static let adam = Maker { map in
        let (betas, epsilon) = (try map.betas(), try map.number("epsilon", default: 1e-8, in: .notNegative))
        let amsgrad = try map.flag("amsgrad")
        return { Adam($0, betas: betas, epsilon: epsilon, amsgrad: amsgrad) }
    }

    private static let adamw = Maker(decay: 0.01) { map in
        let (betas, epsilon) = (try map.betas(), try map.number("epsilon", default: 1e-8, in: .notNegative))
        let amsgrad = try map.flag("amsgrad")
        return { AdamW($0, betas: betas, epsilon: epsilon, amsgrad: amsgrad) }
    }

    private static let adamax = Maker(rate: 2e-3) { map in
        let (betas, epsilon) = (try map.betas(), try map.number("epsilon", default: 1e-8, in: .notNegative))
        return { Adamax($0, betas: betas, epsilon: epsilon) }
    }

    private static let nadam = Maker(rate: 2e-3) { map in
        let (betas, epsilon) = (try map.betas(), try map.number("epsilon", default: 1e-8, in: .notNegative))
        let (isDecoupled, decay) = (try map.flag("decoupled"), try map.number("momentum_decay", default: 4e-3))
        return {
            NAdam($0, betas: betas, epsilon: epsilon, decouplesWeightDecay: isDecoupled, momentumDecay: decay)
        }
    }

    private static let radam = Maker { map in
        let (betas, epsilon) = (try map.betas(), try map.number("epsilon", default: 1e-8, in: .notNegative))
        let isDecoupled = try map.flag("decoupled")
        return { RAdam($0, betas: betas, epsilon: epsilon, decouplesWeightDecay: isDecoupled) }
    }

    private static let adagrad = Maker(rate: 1e-2) { map in
        let decay = try map.number("lr_decay", default: 0, in: .notNegative)
        let initial = try map.number("initial_accumulator", default: 0, in: .notNegative)
        let epsilon = try map.number("epsilon", default: 1e-10, in: .notNegative)
        return { Adagrad($0, learningRateDecay: decay, initialAccumulator: initial, epsilon: epsilon) }
    }

    private static let adadelta = Maker(rate: 1) { map in
        let smoothing = try map.number("smoothing", default: 0.9, in: 0...1)
        let epsilon = try map.number("epsilon", default: 1e-6, in: .notNegative)
        return { AdaDelta($0, smoothing: smoothing, epsilon: epsilon) }
    }

    private static let rmsprop = Maker(rate: 1e-2) { map in
        let smoothing = try map.number("smoothing", default: 0.99, in: 0...1)
        let epsilon = try map.number("epsilon", default: 1e-8, in: .notNegative)
        let momentum = try map.number("momentum", default: 0, in: 0...1)
        let isCentered = try map.flag("centered")
        return {
            RMSProp($0, smoothing: smoothing, epsilon: epsilon, momentum: momentum, centered: isCentered)
        }
    }

    private static let adafactor = Maker(rate: 1e-2) { map in
        let clipping = try map.number("clipping", default: 1, in: .positive)
        return { Adafactor($0, clipping: clipping) }
    }

    private static let lamb = Maker(decay: 0.01) { map in
        let (betas, epsilon) = (try map.betas(), try map.number("epsilon", default: 1e-6, in: .notNegative))
        return { LAMB($0, betas: betas, epsilon: epsilon) }
    }

    private static let lars = Maker(rate: 0.1) { map in
        let momentum = try map.number("momentum", default: 0.9, in: 0...1)
        let trust = try map.number("trust", default: 1e-3, in: .positive)
        let nesterov = try map.flag("nesterov")
        return { LARS($0, momentum: momentum, trust: trust, nesterov: nesterov) }
    }
}

extension RecipeMap {
    /// β₁ and β₂.
    fileprivate func betas(_ first: Double = 0.9, _ second: Double = 0.999) throws -> (Double, Double) {
        let betas = try numbers("betas", default: [first, second], count: 2)
        guard betas.allSatisfy({ (0..<1).contains($0) }) else {
            throw error("betas", "two numbers from 0 to below 1", value("betas"))
        }
        return (betas[0], betas[1])
    }
}
