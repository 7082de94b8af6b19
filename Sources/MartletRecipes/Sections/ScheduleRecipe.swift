import MartletGraph
import MartletOptim
import MartletTraining

/// The schedule of a recipe's learning rate, in the form of ``StoredSchedule``, with what a recipe knows filled in.
///
///     schedule: cosine
///     schedule: {kind: one_cycle, peak: 0.01, climb: 0.2, momentum: [0.95, 0.85]}
///     schedule: {kind: warmup, epochs: 2, then: {kind: step, factor: 0.1, every_epochs: 30}}
///     schedule: {kind: reduce_on_plateau, patience: 3}
///
/// The highest rate is the optimizer's `lr` where none is named; `steps` are those of the whole run; whatever counts in
/// steps may be given in epochs instead, by a name that ends in `_epochs`. A cosine climbs over its first 100 steps, or the
/// first twentieth of the run, unless `warmup` says otherwise.
public struct ScheduleRecipe: Sendable {
    private let node: RecipeNode
    private let path: [String]
    private let file: String
    private let plateau: Plateau?
    /// The momentum at the ends of a one-cycle schedule and at its peak.
    private let momentum: (high: Double, low: Double)?

    /// How long a run is.
    public struct Length: Sendable {
        /// The optimizer's steps in an epoch.
        public let stepsPerEpoch: Int
        /// The epochs of the run.
        public let epochs: Int

        /// So many steps in each of so many epochs.
        public init(stepsPerEpoch: Int, epochs: Int) { (self.stepsPerEpoch, self.epochs) = (stepsPerEpoch, epochs) }
    }

    /// What a run follows.
    public struct Schedules {
        /// The learning rate, and the momentum where it goes with it.
        public let settings: ScheduledSettings
        /// The rate by the validation loss.
        public let plateau: ReduceOnPlateau?
    }

    private struct Plateau {
        let factor: Double, patience: Int, cooldown: Int, least: Double, threshold: Double, monitor: NamedFigure?
    }

    /// The figure that a plateau goes by; nil for the loss.
    var monitored: NamedFigure? { plateau?.monitor }

    /// - Parameter monitored: the names of figures that a plateau may go by.
    init(_ map: RecipeMap, _ optimizer: OptimizerRecipe, monitored: [String]) throws {
        let rate = optimizer.learningRate
        let node = map.value("schedule") ?? .text("constant")
        (self.node, path, file) = (node.strippedOf("momentum"), map.path + ["schedule"], map.file)
        let kind = Self.kind(of: node)
        guard kind == "reduce_on_plateau" else {
            (plateau, momentum) = (nil, try Self.momentum(node, kind, map))
            if momentum != nil, optimizer.averagesWeights {
                throw map.error(
                    "schedule.momentum",
                    "none beside \(optimizer.kind.rawValue), whose weights to evaluate need one "
                        + "momentum throughout", node["momentum"])
            }
            if momentum != nil, !optimizer.hasMomentum {
                throw map.error(
                    "schedule.momentum",
                    "an optimizer with a momentum above 0, which \(optimizer.kind.rawValue) has not here",
                    node["momentum"])
            }
            try Self.check(node, map.path + ["schedule"], map.file)
            _ = try schedule(rate, Length(stepsPerEpoch: 100, epochs: 10))
            map.note("schedule", node)
            return
        }
        momentum = nil
        plateau = try map.section("schedule", shorthand: "kind") { part in
            _ = try part.text("kind")
            return Plateau(
                factor: try part.number("factor", default: 0.1, in: 0...1),
                patience: try part.count("patience", default: 10), cooldown: try part.count("cooldown", default: 0),
                least: try part.number("min_lr", default: 0, in: .notNegative),
                threshold: try part.number("threshold", default: 1e-4, in: .notNegative),
                monitor: try part.monitor(among: monitored))
        }
    }

    /// The schedules of a run.
    public func make(rate: Double, _ length: Length) throws -> Schedules {
        if let plateau {
            let reduction = ReduceOnPlateau(
                from: rate, factor: plateau.factor, patience: plateau.patience,
                goal: plateau.monitor?.figure.goal ?? .lowest,
                threshold: plateau.threshold, cooldown: plateau.cooldown, least: plateau.least)
            return Schedules(settings: ScheduledSettings(), plateau: reduction)
        }
        let schedule = try schedule(rate, length)
        let momentum = momentum.flatMap { (schedule as? OneCycle)?.momentum(high: $0.high, low: $0.low) }
        return Schedules(settings: ScheduledSettings(learningRate: schedule, momentum: momentum), plateau: nil)
    }

    private func schedule(_ rate: Double, _ length: Length) throws -> any Schedule {
        let filled = Self.filled(node, rate, length)
        return try RecipeDecoder.decode(StoredSchedule.self, from: filled, path: path, file: file).schedule
    }

    private static func momentum(_ node: RecipeNode, _ kind: String, _ map: RecipeMap) throws -> (Double, Double)? {
        guard let momentum = node["momentum"] else { return nil }
        guard kind == "one_cycle", case .list(let items) = momentum.content, items.count == 2 else {
            throw map.error("schedule.momentum", "two numbers, highest and lowest, beside one_cycle", momentum)
        }
        let ends = try RecipeDecoder.decode(
            [Double].self, from: momentum, path: map.path + ["schedule", "momentum"], file: map.file)
        guard ends.allSatisfy({ (0..<1).contains($0) }) else {
            throw map.error("schedule.momentum", "two numbers from 0 to below 1", momentum)
        }
        return (ends[0], ends[1])
    }

    private static func kind(of node: RecipeNode) -> String {
        if case .scalar(let text, _) = node.content { return text }
        if case .scalar(let text, _)? = node["kind"]?.content { return text }
        return ""
    }

    // MARK: What a recipe knows

    /// The map that ``StoredSchedule`` reads: kinds by their saved names, epochs as steps, what is left out filled in.
    private static func filled(_ node: RecipeNode, _ rate: Double, _ length: Length) -> RecipeNode {
        let kind = kind(of: node)
        var entries = node.entries.filter { $0.key != "kind" }
        if case .scalar = node.content { entries = [] } else if case .map = node.content {} else { return node }
        let place = node["kind"]?.place ?? node.place
        for index in entries.indices {
            inSteps(&entries[index], length.stepsPerEpoch)
            switch entries[index].key {
            case "then", "schedule": entries[index].value = filled(entries[index].value, rate, length)
            case "parts", "factors": entries[index].value = list(entries[index].value, rate, length)
            default: break
            }
        }
        let known = Set(entries.map(\.key))
        for (key, value) in defaults(kind, rate, length, entries) where !known.contains(key) {
            entries.append(.init(key: key, place: node.place, value: RecipeNode(value.content, at: node.place)))
        }
        let saved = StoredSchedule.kindNames.first { $0.asRecipeKey == kind } ?? kind
        let name = RecipeNode(.scalar(saved, isQuoted: false), at: place)
        return RecipeNode(.map([.init(key: "kind", place: place, value: name)] + entries), at: node.place)
    }

    /// The schedules of a list, bare or under `schedule`.
    private static func list(_ node: RecipeNode, _ rate: Double, _ length: Length) -> RecipeNode {
        guard case .list(let items) = node.content else { return node }
        let filledItems = items.map { item -> RecipeNode in
            guard item["kind"] == nil, case .map(var entries) = item.content else { return filled(item, rate, length) }
            for index in entries.indices {
                inSteps(&entries[index], length.stepsPerEpoch)
                if entries[index].key == "schedule" {
                    entries[index].value = filled(entries[index].value, rate, length)
                }
            }
            return RecipeNode(.map(entries), at: item.place)
        }
        return RecipeNode(.list(filledItems), at: node.place)
    }

    /// What a name that counts epochs counts in steps: `every_epochs` is `every`, `epochs` is `steps`; nil for other names.
    private static func nameInSteps(_ key: String) -> String? {
        if key == "epochs" { return "steps" }
        return key.hasSuffix("_epochs") ? String(key.dropLast("_epochs".count)) : nil
    }

    /// Throws for a kind that there is not, and where something is said in steps and in epochs.
    private static func check(_ node: RecipeNode, _ path: [String], _ file: String) throws {
        if case .list(let items) = node.content {
            for (index, item) in items.enumerated() { try check(item, path + ["\(index)"], file) }
        }
        let isSchedule = ["schedule", "then"].contains(path.last ?? "") || node["kind"] != nil
        if isSchedule, !kind(of: node).isEmpty { try checkKind(node, path, file) }
        var met: [String: String] = [:]
        for entry in node.entries {
            let name = nameInSteps(entry.key) ?? entry.key
            if let other = met.updateValue(entry.key, forKey: name) {
                throw RecipeError(
                    file: file, place: entry.place, key: (path + [entry.key]).joined(separator: "."),
                    expected: "\(other) or \(entry.key), not both", found: entry.value.finding)
            }
            try check(entry.value, path + [entry.key], file)
        }
    }

    /// The kinds as recipes write them; the momentum of one_cycle is a setting of its own.
    private static let kinds =
        StoredSchedule.kindNames.filter { $0 != OneCycleMomentum.kind }.map(\.asRecipeKey) + ["reduce_on_plateau"]

    private static func checkKind(_ node: RecipeNode, _ path: [String], _ file: String) throws {
        let kind = kind(of: node)
        // A plateau is no part of another schedule; names in the saved form are taken too.
        if kinds.contains(kind) && kind != "reduce_on_plateau" || StoredSchedule.kindNames.contains(kind) { return }
        let known = path.count > 1 ? kinds.filter { $0 != "reduce_on_plateau" } : kinds
        throw RecipeError(
            file: file, place: (node["kind"] ?? node).place, key: (path + ["kind"]).joined(separator: "."),
            expected: "one of \(known.joined(separator: ", "))", found: "\"\(kind)\"",
            nearest: NearestName.find(kind, among: known))
    }

    private static func inSteps(_ entry: inout RecipeNode.Entry, _ stepsPerEpoch: Int) {
        guard let name = nameInSteps(entry.key) else { return }
        entry.key = name
        func steps(_ node: RecipeNode) -> RecipeNode {
            guard case .scalar(let text, false) = node.content, let epochs = Double(text) else { return node }
            let steps = (epochs * Double(stepsPerEpoch)).rounded()
            return RecipeNode(.scalar(Int(exactly: steps).map(String.init) ?? text, isQuoted: false), at: node.place)
        }
        if case .list(let items) = entry.value.content {
            entry.value = RecipeNode(.list(items.map(steps)), at: entry.value.place)
        } else {
            entry.value = steps(entry.value)
        }
    }

    private static func defaults(
        _ kind: String, _ rate: Double, _ length: Length, _ entries: [RecipeNode.Entry]
    ) -> [(String, RecipeNode)] {
        let rate = RecipeNode.bare(rate)
        let all = RecipeNode.bare(max(1, length.stepsPerEpoch * length.epochs))
        let zero = RecipeNode.bare(0)
        switch kind {
        case "constant": return [("rate", rate)]
        case "step": return [("from", rate), ("factor", .bare(0.1))]
        case "multi_step": return [("from", rate), ("factor", .bare(0.1))]
        case "exponential": return [("from", rate)]
        case "polynomial": return [("from", rate), ("to", zero), ("steps", all), ("power", .bare(1))]
        case "cosine":
            // A short climb costs nothing and keeps the first steps of large rates from doing harm.
            let climb = min(100, length.stepsPerEpoch * length.epochs / 20)
            return [("from", rate), ("to", zero), ("steps", all), ("warmup", .bare(climb))]
        case "linear": return [("from", rate), ("to", zero), ("steps", all)]
        case "warm_restarts": return [("from", rate), ("to", zero), ("growth", .bare(1))]
        case "inverse_square_root": return [("peak", rate), ("warmup", .bare(1))]
        case "one_cycle":
            return [
                ("peak", rate), ("steps", all), ("climb", .bare(0.3)), ("start_divisor", .bare(25)),
                ("end_divisor", .bare(10000)), ("annealing", .bare("cosine")), ("has_three_phases", .bare(false)),
            ]
        case "cyclic":
            let climb = entries.first { $0.key == "climb" }?.value ?? .bare(2000)
            return [
                ("high", rate), ("climb", climb), ("fall", climb), ("form", .bare("triangular")), ("factor", .bare(1)),
            ]
        default: return []
        }
    }
}

extension RecipeNode {
    /// The map without a name.
    fileprivate func strippedOf(_ key: String) -> RecipeNode {
        guard case .map(let entries) = content else { return self }
        return RecipeNode(.map(entries.filter { $0.key != key }), at: place)
    }
}
