import MartletOptim

/// How an optimizer of one kind is read from a recipe and made.
struct OptimizerMaker: Sendable {
    /// Makes the optimizer of groups.
    typealias Build = @Sendable ([ParameterGroup]) -> Optimizer

    /// The learning rate and the decay where a recipe names none.
    var rate = 1e-3, decay = 0.0
    /// Whether weights may decay, and parameters have settings of their own.
    var hasGroups = true
    /// Reads the settings of the kind.
    let read: @Sendable (RecipeMap) throws -> Build

    /// The maker of a kind.
    static func of(_ kind: OptimizerRecipe.Kind) -> OptimizerMaker {
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
        case .muon: muon
        case .lbfgs: lbfgs
        case .scheduleFreeSGD: scheduleFreeSGD
        case .scheduleFreeAdamW: scheduleFreeAdamW
        }
    }

    static let sgd = OptimizerMaker(rate: 0.01) { map in
        let momentum = try map.number("momentum", default: 0, in: 0...1)
        let form = try map.name("momentum_form", among: ["pytorch", "exponential_average"], default: "pytorch")
        let dampening = try map.number("dampening", default: 0, in: 0...1)
        let nesterov = try map.flag("nesterov")
        let isDecoupled = try map.flag("decoupled")
        if nesterov, momentum == 0 || dampening != 0 {
            throw map.error("nesterov", "a momentum and no dampening beside it", map.value("nesterov"))
        }
        if form != "pytorch", dampening != 0 {
            throw map.error(
                "dampening", "none beside momentum_form: \(form), which weighs gradients by 1 - momentum",
                map.value("dampening"))
        }
        return { groups in
            SGD(
                groups, momentum: momentum, momentumForm: form == "pytorch" ? .pytorch : .exponentialAverage,
                dampening: dampening, nesterov: nesterov, decouplesWeightDecay: isDecoupled)
        }
    }

    static let lion = OptimizerMaker(rate: 1e-4) { map in
        let betas = try map.betas(0.9, 0.99)
        return { Lion($0, betas: betas) }
    }

    static let adam = OptimizerMaker { map in
        let (betas, epsilon) = (try map.betas(), try map.number("epsilon", default: 1e-8, in: .notNegative))
        let amsgrad = try map.flag("amsgrad")
        return { Adam($0, betas: betas, epsilon: epsilon, amsgrad: amsgrad) }
    }

    static let adamw = OptimizerMaker(decay: 0.01) { map in
        let (betas, epsilon) = (try map.betas(), try map.number("epsilon", default: 1e-8, in: .notNegative))
        let amsgrad = try map.flag("amsgrad")
        return { AdamW($0, betas: betas, epsilon: epsilon, amsgrad: amsgrad) }
    }

    static let adamax = OptimizerMaker(rate: 2e-3) { map in
        let (betas, epsilon) = (try map.betas(), try map.number("epsilon", default: 1e-8, in: .notNegative))
        return { Adamax($0, betas: betas, epsilon: epsilon) }
    }

    static let nadam = OptimizerMaker(rate: 2e-3) { map in
        let (betas, epsilon) = (try map.betas(), try map.number("epsilon", default: 1e-8, in: .notNegative))
        let (isDecoupled, decay) = (try map.flag("decoupled"), try map.number("momentum_decay", default: 4e-3))
        return {
            NAdam($0, betas: betas, epsilon: epsilon, decouplesWeightDecay: isDecoupled, momentumDecay: decay)
        }
    }

    static let radam = OptimizerMaker { map in
        let (betas, epsilon) = (try map.betas(), try map.number("epsilon", default: 1e-8, in: .notNegative))
        let isDecoupled = try map.flag("decoupled")
        return { RAdam($0, betas: betas, epsilon: epsilon, decouplesWeightDecay: isDecoupled) }
    }

    static let adagrad = OptimizerMaker(rate: 1e-2) { map in
        let decay = try map.number("lr_decay", default: 0, in: .notNegative)
        let initial = try map.number("initial_accumulator", default: 0, in: .notNegative)
        let epsilon = try map.number("epsilon", default: 1e-10, in: .notNegative)
        return { Adagrad($0, learningRateDecay: decay, initialAccumulator: initial, epsilon: epsilon) }
    }

    static let adadelta = OptimizerMaker(rate: 1) { map in
        let smoothing = try map.number("smoothing", default: 0.9, in: 0...1)
        let epsilon = try map.number("epsilon", default: 1e-6, in: .notNegative)
        return { AdaDelta($0, smoothing: smoothing, epsilon: epsilon) }
    }

    static let rmsprop = OptimizerMaker(rate: 1e-2) { map in
        let smoothing = try map.number("smoothing", default: 0.99, in: 0...1)
        let epsilon = try map.number("epsilon", default: 1e-8, in: .notNegative)
        let momentum = try map.number("momentum", default: 0, in: 0...1)
        let isCentered = try map.flag("centered")
        return {
            RMSProp($0, smoothing: smoothing, epsilon: epsilon, momentum: momentum, centered: isCentered)
        }
    }

    static let adafactor = OptimizerMaker(rate: 1e-2) { map in
        let clipping = try map.number("clipping", default: 1, in: .positive)
        return { Adafactor($0, clipping: clipping) }
    }

    static let lamb = OptimizerMaker(decay: 0.01) { map in
        let (betas, epsilon) = (try map.betas(), try map.number("epsilon", default: 1e-6, in: .notNegative))
        return { LAMB($0, betas: betas, epsilon: epsilon) }
    }

    static let lars = OptimizerMaker(rate: 0.1) { map in
        let momentum = try map.number("momentum", default: 0.9, in: 0...1)
        let trust = try map.number("trust_coefficient", default: 1e-3, in: .positive)
        let nesterov = try map.flag("nesterov")
        return { LARS($0, momentum: momentum, trust: trust, nesterov: nesterov) }
    }

    static let scheduleFreeSGD = OptimizerMaker(rate: 1) { map in
        let momentum = try map.number("momentum", default: 0.9)
        try map.checkAveraged("momentum", momentum)
        let weights = try map.averagedSteps()
        return {
            ScheduleFreeSGD(
                $0, momentum: momentum, warmup: weights.warmup, stepPower: weights.stepPower,
                ratePower: weights.ratePower)
        }
    }

    static let scheduleFreeAdamW = OptimizerMaker(rate: 2.5e-3) { map in
        let (betas, epsilon) = (try map.betas(), try map.number("epsilon", default: 1e-8, in: .notNegative))
        try map.checkAveraged("betas", betas.0)
        let weights = try map.averagedSteps()
        return {
            ScheduleFreeAdamW(
                $0, betas: betas, epsilon: epsilon, warmup: weights.warmup, stepPower: weights.stepPower,
                ratePower: weights.ratePower)
        }
    }

    static let lbfgs = OptimizerMaker(rate: 1, hasGroups: false) { map in
        let iterations = try map.count("max_iter", default: 20, atLeast: 1)
        let evaluations = try map.count("max_eval", default: max(1, iterations * 5 / 4), atLeast: 1)
        let gradientTolerance = try map.number("tolerance_grad", default: 1e-7, in: .notNegative)
        let changeTolerance = try map.number("tolerance_change", default: 1e-9, in: .notNegative)
        let history = try map.count("history_size", default: 100, atLeast: 1)
        let search = try map.name("line_search", among: ["strong_wolfe", "none"], default: "strong_wolfe")
        return { groups in
            LBFGS(
                groups.flatMap(\.parameters), learningRate: groups[0].learningRate, iterations: iterations,
                evaluations: evaluations, gradientTolerance: gradientTolerance, changeTolerance: changeTolerance,
                historySize: history, searchesLine: search == "strong_wolfe")
        }
    }

    static let muon = OptimizerMaker(decay: 0.1) { map in
        let momentum = try map.number("momentum", default: 0.95, in: 0...1)
        let nesterov = try map.flag("nesterov", default: true)
        let (iterations, epsilon) = (
            try map.count("iterations", default: 5, atLeast: 1),
            try map.number("epsilon", default: 1e-7, in: .positive)
        )
        let scale = try map.name("scale", among: ["original", "matching_adamw", "spectral"], default: "original")
        let scales: [String: Muon.Scale] = ["matching_adamw": .matchingAdamW, "spectral": .spectral]
        return {
            Muon(
                $0, momentum: momentum, nesterov: nesterov, iterations: iterations, epsilon: epsilon,
                scale: scales[scale] ?? .original)
        }
    }
}

extension RecipeMap {
    /// β₁ and β₂.
    func betas(_ first: Double = 0.9, _ second: Double = 0.999) throws -> (Double, Double) {
        let betas = try numbers("betas", default: [first, second], count: 2)
        guard betas.allSatisfy({ (0..<1).contains($0) }) else {
            throw error("betas", "two numbers from 0 to below 1", value("betas"))
        }
        return (betas[0], betas[1])
    }
    /// Throws where β, under a key, is none that a schedule-free optimizer can average by: from 0 no average could be found.
    func checkAveraged(_ key: String, _ beta: Double) throws {
        guard beta > 0, beta < 1 else {
            let number = key == "betas" ? "a first number" : "a number"
            throw error(key, "\(number) above 0 and below 1", value(key))
        }
    }

    /// How the steps of a schedule-free optimizer weigh in its average.
    fileprivate func averagedSteps() throws -> (warmup: Int, stepPower: Double, ratePower: Double) {
        (
            try count("warmup", default: 0), try number("step_power", default: 0, in: .notNegative),
            try number("rate_power", default: 2, in: .notNegative)
        )
    }
}
