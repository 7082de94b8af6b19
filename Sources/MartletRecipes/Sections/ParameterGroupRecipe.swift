import MartletNN
import MartletOptim

/// Settings of some of a model's parameters, which are named by patterns over their paths.
///
///     optimizer:
///       kind: adamw
///       lr: 1e-3
///       groups:
///         - {parameters: ["0.*", "1.*"], lr: 1e-4}
///         - {parameters: "*.bias", weight_decay: 0}
///
/// In a pattern `*` stands for any letters, `?` for one, `[ab]` for one of several. A parameter belongs to the first group that
/// names it; those that none names have the optimizer's own settings, and so has a group for what it leaves out. A decay of its
/// own is that of all that a group names, biases too, unless it says `decay_biases: false`.
struct ParameterGroupRecipe: Sendable {
    private let patterns: [ParameterPattern]
    private let place: RecipePlace
    private let key: String
    private let learningRate: Double?, weightDecay: Double?
    private let decaysAll: Bool
    private let momentum: Double?, epsilon: Double?, smoothing: Double?
    private let betas: [Double]?

    /// The groups of an optimizer that has such settings.
    ///
    /// - Parameters:
    ///   - settings: the settings that it has.
    ///   - decaysAll: whether biases and the parameters of normalisations decay.
    ///   - averages: whether it averages the weights, which takes a β above 0.
    static func read(
        _ map: RecipeMap, having settings: Set<Setting>, decaysAll: Bool, averages: Bool
    ) throws -> [ParameterGroupRecipe] {
        guard let node = map.value("groups") else { return [] }
        guard case .list(let items) = node.content else {
            throw map.error("groups", "a list of groups, as in \"- {parameters: \"*.bias\", lr: 1e-3}\"", node)
        }
        var notes: [RecipeNode] = []
        let groups = try items.enumerated().map { index, item in
            let part = try RecipeMap(item, path: map.path + ["groups", "\(index)"], file: map.file)
            let group = try ParameterGroupRecipe(part, having: settings, decaysAll: decaysAll)
            if averages {
                if let beta = group.momentum { try part.checkAveraged("momentum", beta) }
                if let beta = group.betas?.first { try part.checkAveraged("betas", beta) }
            }
            try part.finish()
            notes.append(.map(part.effective))
            return group
        }
        map.note("groups", RecipeNode(.list(notes)))
        return groups
    }

    private init(_ map: RecipeMap, having settings: Set<Setting>, decaysAll: Bool) throws {
        patterns = try map.texts("parameters").map(ParameterPattern.init)
        guard !patterns.isEmpty, let node = map.value("parameters") else {
            throw map.error(
                "parameters", "the names of parameters, or patterns such as \"*.bias\"", map.value("parameters"))
        }
        (place, key) = (node.place, (map.path + ["parameters"]).joined(separator: "."))
        learningRate = try map.optionalNumber("lr", in: .positive)
        weightDecay = try map.optionalNumber("weight_decay", in: .notNegative)
        // Who names parameters and their decay means all of them.
        self.decaysAll = try map.flag("decay_biases", default: decaysAll || weightDecay != nil)
        momentum = settings.contains(.momentum) ? try map.optionalNumber("momentum", in: 0...1) : nil
        if settings.isSuperset(of: [.beta1, .beta2]), map.has("betas") {
            let (first, second) = try map.betas()
            betas = [first, second]
        } else {
            betas = nil
        }
        epsilon = settings.contains(.epsilon) ? try map.optionalNumber("epsilon", in: .notNegative) : nil
        smoothing = settings.contains(.smoothing) ? try map.optionalNumber("smoothing", in: 0...1) : nil
    }

    /// Takes the parameters that the patterns name from those that no earlier group named.
    ///
    /// - Throws: `RecipeError`, with the nearest name there is, for a pattern that names none.
    func take(from rest: inout ParameterSettings, file: String) throws -> ParameterSettings {
        for pattern in patterns where !rest.parameters.contains(where: { pattern.matches($0.name) }) {
            let names = rest.parameters.map(\.name)
            throw RecipeError(
                file: file, place: place, key: key,
                expected: "a pattern that names a parameter which is in no earlier group", found: "\"\(pattern.text)\"",
                nearest: pattern.nearest(among: names))
        }
        var own = rest
        own.parameters = rest.parameters.filter { named in patterns.contains { $0.matches(named.name) } }
        rest.parameters.removeAll { named in own.parameters.contains { $0.parameter === named.parameter } }
        (own.learningRate, own.hasOwnRate) = (learningRate ?? rest.learningRate, learningRate != nil)
        (own.weightDecay, own.hasOwnDecay) = (weightDecay ?? rest.weightDecay, weightDecay != nil)
        own.decaysAll = decaysAll
        (own.momentum, own.epsilon, own.smoothing) = (momentum, epsilon, smoothing)
        own.betas = betas.map { ($0[0], $0[1]) }
        return own
    }
}
