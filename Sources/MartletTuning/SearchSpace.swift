import Foundation
import MartletRecipes

/// The settings of a recipe that a study varies, and between what.
///
///     space:
///       optimizer.lr: {log: [1e-4, 1e-1]}
///       regularization.clip_norm: {uniform: [0.1, 5]}
///       model.layers.1.Linear.out: {whole: [16, 256], log: true}
///       training.batch_size: [32, 64, 128]
public struct SearchSpace: Sendable {
    /// The settings, in the order of the recipe.
    public let dimensions: [Dimension]

    /// One setting.
    public struct Dimension: Sendable {
        /// Its path in the recipe.
        public let key: String
        /// What it may be.
        public let values: Values
        /// The values that a grid takes of a range.
        public let gridSteps: Int
    }

    /// What a setting may be.
    public enum Values: Sendable, Equatable {
        /// Numbers between two, evenly by themselves or by their logarithm.
        case numbers(low: Double, high: Double, isLogarithmic: Bool)
        /// Whole numbers between two, both counted in.
        case whole(low: Int, high: Int, isLogarithmic: Bool)
        /// One of a few, as they stand in the recipe.
        case choices([String])
    }

    /// A space of these settings.
    public init(_ dimensions: [Dimension]) { self.dimensions = dimensions }

    init(_ map: RecipeMap, keys: [String]) throws {
        dimensions = try keys.map { key in
            guard let node = map.value(key) else { throw map.error(key, "what the setting may be", nil) }
            if case .list(let items) = node.content {
                let texts = try items.map { item -> String in
                    guard case .scalar(let text, _) = item.content else { throw map.error(key, "choices", item) }
                    return text
                }
                guard !texts.isEmpty else { throw map.error(key, "at least one choice", node) }
                return Dimension(key: key, values: .choices(texts), gridSteps: texts.count)
            }
            return try map.section(key) { try Self.range($0, key) }
        }
    }

    private static func range(_ map: RecipeMap, _ key: String) throws -> Dimension {
        let steps = min(1000, try map.count("steps", default: 5, atLeast: 1))
        if map.has("whole") {
            let ends = try map.numbers("whole", default: [], count: 2)
            let isLogarithmic = try map.flag("log")
            guard let low = Int(exactly: ends[0]), let high = Int(exactly: ends[1]), low <= high,
                abs(low) <= RecipeMap.largestCount, abs(high) <= RecipeMap.largestCount,
                low > 0 || !isLogarithmic
            else { throw map.error("whole", "two whole numbers, the lower first", map.value("whole")) }
            return Dimension(
                key: key, values: .whole(low: low, high: high, isLogarithmic: isLogarithmic),
                gridSteps: min(steps, high - low + 1))
        }
        let name = map.has("log") ? "log" : "uniform"
        guard map.has(name) else {
            throw map.error(nil, "uniform, log or whole with two ends, or a list of choices", nil)
        }
        let ends = try map.numbers(name, default: [], count: 2)
        guard ends[0] < ends[1], name == "uniform" || ends[0] > 0 else {
            throw map.error(
                name, name == "log" ? "two numbers above 0, the lower first" : "two numbers, the lower first",
                map.value(name))
        }
        return Dimension(
            key: key, values: .numbers(low: ends[0], high: ends[1], isLogarithmic: name == "log"), gridSteps: steps)
    }

    /// The points of the grid: every choice with every other, the last setting changing first.
    public var gridCount: Int { dimensions.reduce(1) { min(1 << 40, $0 * $1.gridSteps) } }

    /// A point of the grid, each setting as a place in its values from 0 to 1.
    public func gridPoint(_ index: Int) -> [Double] {
        var (rest, point) = (index, [Double]())
        for dimension in dimensions.reversed() {
            let step = rest % dimension.gridSteps
            rest /= dimension.gridSteps
            point.append(dimension.gridPlace(step))
        }
        return point.reversed()
    }

    /// The settings of a point, as overrides of the recipe: `optimizer.lr=0.01`.
    public func settings(at point: [Double]) -> [String: String] {
        Dictionary(uniqueKeysWithValues: zip(dimensions, point).map { ($0.key, $0.text(at: $1)) })
    }
}

extension SearchSpace.Dimension {
    /// The number of choices; nil of a range.
    var choiceCount: Int? { if case .choices(let texts) = values { texts.count } else { nil } }

    func gridPlace(_ step: Int) -> Double {
        if let choiceCount { return (Double(step) + 0.5) / Double(choiceCount) }
        return gridSteps == 1 ? 0.5 : Double(step) / Double(gridSteps - 1)
    }

    /// The value at a place from 0 to 1, as a recipe writes it.
    func text(at place: Double) -> String {
        switch values {
        case .choices(let texts): return texts[min(texts.count - 1, Int(place * Double(texts.count)))]
        case .numbers(let low, let high, let isLogarithmic):
            let value = isLogarithmic ? low * pow(high / low, place) : low + (high - low) * place
            // Six digits are as many as anybody wants to read, and what is read is what is run.
            return String(format: "%.6g", min(high, max(low, value)))
        case .whole(let low, let high, let isLogarithmic):
            let (a, b) = (Double(low) - 0.5, Double(high) + 0.5)
            let value = isLogarithmic ? a * pow(b / a, place) : a + (b - a) * place
            return String(min(high, max(low, Int(value.rounded()))))
        }
    }

    /// The place of a value from 0 to 1; nil where it is none of the setting's.
    func place(of text: String) -> Double? {
        switch values {
        case .choices(let texts): return texts.firstIndex(of: text).map { (Double($0) + 0.5) / Double(texts.count) }
        case .numbers(let low, let high, let isLogarithmic):
            return Double(text).map { isLogarithmic ? log($0 / low) / log(high / low) : ($0 - low) / (high - low) }
        case .whole(let low, let high, let isLogarithmic):
            let (a, b) = (Double(low) - 0.5, Double(high) + 0.5)
            return Double(text).map { isLogarithmic ? log($0 / a) / log(b / a) : ($0 - a) / (b - a) }
        }
    }
}
