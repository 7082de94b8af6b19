import MartletData

/// How a recipe's inputs, and labels that are numbers, are scaled: learnt from the training part alone.
///
///     scaling: robust
///     scaling: {kind: min_max, range: [-1, 1], target: standard}
///
/// Images have the mean and deviation of their set unless another kind is named; tables are standardised, column by column.
public struct ScalingRecipe: Sendable {
    /// The kinds.
    public enum Kind: String, CaseIterable, Sendable {
        /// Images as their set has it, all else standard.
        case automatic
        case none, standard, robust
        case minMax = "min_max"
        case maxAbs = "max_abs"
    }
    /// What is done to inputs.
    public let kind: Kind
    private let grouping: ScalerGrouping
    private let range: ClosedRange<Double>
    private let target: Kind

    init(_ map: RecipeMap) throws {
        kind = try map.choice("kind", default: .automatic)
        switch try map.name("per", among: ["feature", "whole", "channel"], default: "feature") {
        case "whole": grouping = .whole
        case "channel": grouping = .channel
        default: grouping = .feature
        }
        let ends = try map.numbers("range", default: [0, 1], count: 2)
        guard ends[0] < ends[1] else { throw map.error("range", "two numbers, the lower first", map.value("range")) }
        range = ends[0]...ends[1]
        target = try map.choice("target", default: .none)
    }

    /// What a training part teaches; nil where inputs stay as they are, or are scaled as they are read.
    func inputs(_ train: some Dataset, areImages: Bool) throws -> AnyScaler? {
        if kind == .automatic, areImages { return nil }
        return try scaler(kind == .automatic ? .standard : kind, train, grouping, .inputs)
    }

    /// The same of the labels, where they are numbers.
    func labels(_ train: some Dataset) throws -> AnyScaler? {
        guard train.classCount == nil else { return nil }
        return try scaler(target == .automatic ? .standard : target, train, .feature, .label)
    }

    private func scaler(
        _ kind: Kind, _ train: some Dataset, _ grouping: ScalerGrouping, _ part: SamplePart
    ) throws -> AnyScaler? {
        switch kind {
        case .none, .automatic: nil
        case .standard: AnyScaler(try StandardScaler(per: grouping, of: part).fitted(to: train))
        case .robust: AnyScaler(try RobustScaler(per: grouping, of: part).fitted(to: train))
        case .minMax: AnyScaler(try MinMaxScaler(range: range, per: grouping, of: part).fitted(to: train))
        case .maxAbs: AnyScaler(try MaxAbsScaler(per: grouping, of: part).fitted(to: train))
        }
    }
}
