import MartletGraph
import MartletNN
import MartletOptim
import MartletTensor

/// The optimizer of a recipe.
///
///     optimizer: adamw
///     optimizer: {kind: sgd, lr: 0.1, momentum: 0.9, nesterov: true, weight_decay: 5e-4}
///     optimizer: {kind: sgd, lr: 0.1, sam: {rho: 0.05}}
///     optimizer: {kind: muon, lr: 0.02, adamw: {lr: 1e-3}}
///     optimizer: {kind: adamw, groups: [{parameters: "0.*", lr: 1e-4}]}
///
/// `muon` renews the weight matrices inside the network; biases, embeddings and the last matrix are renewed by AdamW, with the
/// settings under `adamw`.
public struct OptimizerRecipe: Sendable {
    /// The optimizers that a recipe may name.
    public enum Kind: String, CaseIterable, Sendable {
        case adam, adamw, sgd, adamax, nadam, radam, adagrad, adadelta, rmsprop, adafactor, lion, lamb, lars, muon,
            lbfgs
        case scheduleFreeSGD = "schedule_free_sgd"
        case scheduleFreeAdamW = "schedule_free_adamw"

        /// True where a step asks for the loss again and again: it cannot be taken from one gradient.
        public var evaluatesRepeatedly: Bool { self == .lbfgs }

        /// True where the optimizer averages the weights itself, and needs no schedule that ends.
        public var averagesWeights: Bool { self == .scheduleFreeSGD || self == .scheduleFreeAdamW }

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
    private let groups: [ParameterGroupRecipe]
    private let lookahead: (period: Int, share: Double)?
    private let sam: (radius: Double, adaptive: Bool)?
    /// What of a muon's model is AdamW's.
    private let others: OtherParameters?
    private let build: OptimizerMaker.Build
    private let file: String

    /// Whether the optimizer has a momentum that a schedule may move.
    let hasMomentum: Bool

    init(_ map: RecipeMap) throws {
        file = map.file
        kind = try map.choice("kind", default: Kind.adam)
        let maker = OptimizerMaker.of(kind)
        learningRate = try map.number("lr", default: maker.rate, in: .positive)
        weightDecay = maker.hasGroups ? try map.number("weight_decay", default: maker.decay, in: .notNegative) : 0
        decaysAll = maker.hasGroups ? try map.flag("decay_biases", default: false) : false
        build = try maker.read(map)
        others = kind == .muon ? try OtherParameters(map, weightDecay: weightDecay) : nil
        let settings = Self.settings(of: build)
        hasMomentum = !settings.isDisjoint(with: [.momentum, .beta1])
        groups =
            maker.hasGroups
            ? try ParameterGroupRecipe.read(
                map, having: settings, decaysAll: decaysAll, averages: kind.averagesWeights) : []
        (lookahead, sam) = kind == .lbfgs ? (nil, nil) : (try Self.lookahead(map), try Self.sam(map))
        if lookahead != nil, kind.averagesWeights {
            throw map.error(
                "lookahead", "none beside \(kind.rawValue), which averages its steps", map.value("lookahead"))
        }
    }

    private static func lookahead(_ map: RecipeMap) throws -> (period: Int, share: Double)? {
        try map.optionalSection("lookahead") { part in
            (try part.count("k", default: 5, atLeast: 1), try part.number("alpha", default: 0.5, in: 0...1))
        }
    }

    private static func sam(_ map: RecipeMap) throws -> (radius: Double, adaptive: Bool)? {
        try map.optionalSection("sam", shorthand: "rho") { part in
            (try part.number("rho", default: 0.05, in: .positive), try part.flag("adaptive"))
        }
    }

    /// The settings that a group may have for itself, as an optimizer of one matrix shows them.
    private static func settings(of build: OptimizerMaker.Build) -> Set<Setting> {
        let matrix = Parameter(Tensor.zeros([1, 1]))
        return Set(build([ParameterGroup([matrix], learningRate: 1)]).groups[0].settings.map(\.setting))
    }

    /// True where a step asks for its loss more than once.
    var evaluatesRepeatedly: Bool { kind.evaluatesRepeatedly || sam != nil }
    /// True where the optimizer averages the weights itself.
    var averagesWeights: Bool { kind.averagesWeights }

    /// The optimizer over a model: weights decay, biases and the parameters of normalisations only where `decay_biases` says.
    ///
    /// - Throws: `RecipeError` where a group names no parameter of the model, or it has none at all.
    public func make(_ model: any Module) throws -> Optimizer {
        guard !model.namedParameters.isEmpty else {
            throw RecipeError(
                file: file, place: .nowhere, key: "model", expected: "a layer with parameters to train", found: "none")
        }
        var rest = ParameterSettings(
            parameters: ParameterSettings.all(of: model), learningRate: learningRate, weightDecay: weightDecay,
            decaysAll: decaysAll)
        var named: [ParameterSettings] = []
        for group in groups { named.append(try group.take(from: &rest, file: file)) }
        let optimizer = try combined([rest] + named, model)
        let ahead = lookahead.map { Lookahead(optimizer, period: $0.period, share: $0.share) } ?? optimizer
        return sam.map { SAM(ahead, radius: $0.radius, adaptive: $0.adaptive) } ?? ahead
    }

    private func combined(_ settings: [ParameterSettings], _ model: any Module) throws -> Optimizer {
        guard let others else { return build(settings.flatMap(\.groups)) }
        let isHidden = OtherParameters.hidden(in: model)
        let matrices = settings.map { $0.filtered(isHidden) }.flatMap(\.groups)
        guard !matrices.isEmpty else {
            throw RecipeError(
                file: file, place: .nowhere, key: "optimizer",
                expected: "a model with a weight matrix before the last one, which muon is for", found: "none")
        }
        for own in settings where own.momentum != nil && !own.parameters.contains(where: { isHidden($0.parameter) }) {
            throw RecipeError(
                file: file, place: .nowhere, key: "optimizer.groups",
                expected: "a group with a momentum to have a weight matrix that is muon's",
                found: "AdamW's \(own.parameters.map(\.name).joined(separator: ", ")) alone")
        }
        return CombinedOptimizer([build(matrices), others.make(settings.map { $0.filtered { !isHidden($0) } })])
    }
}

/// What muon leaves to AdamW: biases, embeddings, and the last weight matrix.
private struct OtherParameters: Sendable {
    private let learningRate: Double, weightDecay: Double
    private let build: OptimizerMaker.Build

    init(_ map: RecipeMap, weightDecay: Double) throws {
        (learningRate, self.weightDecay, build) = try map.section("adamw", shorthand: "lr") { part in
            let maker = OptimizerMaker.adamw
            return (
                try part.number("lr", default: maker.rate, in: .positive),
                try part.number("weight_decay", default: weightDecay, in: .notNegative), try maker.read(part)
            )
        }
    }

    /// AdamW of these parameters: with a group's rate, decay and ε as they were said for it, else the section's. A group's
    /// momentum is for its matrices alone.
    func make(_ settings: [ParameterSettings]) -> Optimizer {
        build(
            settings.flatMap { settings in
                var own = settings
                if !settings.hasOwnRate { own.learningRate = learningRate }
                if !settings.hasOwnDecay { own.weightDecay = weightDecay }
                own.momentum = nil
                return own.groups
            })
    }

    /// Whether a parameter is a weight matrix inside the network.
    static func hidden(in model: any Module) -> (Parameter) -> Bool {
        let embeddings = model.namedModules.compactMap { $0.module as? Embedding }.flatMap(\.parameters)
        var matrices = model.namedParameters.map(\.parameter).filter { $0.shape.rank >= 2 }
        matrices.removeAll { matrix in embeddings.contains { $0 === matrix } }
        let hidden = Set(matrices.dropLast().map(ObjectIdentifier.init))
        return { hidden.contains(ObjectIdentifier($0)) }
    }
}
