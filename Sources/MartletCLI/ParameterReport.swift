import Martlet
import MartletRecipes

/// `martlet summary --parameters`: every parameter by the path that patterns of a recipe's groups name it by.
struct ParameterReport {
    /// A parameter.
    struct Row: Encodable {
        let path: String
        let shape: [Int]
        /// The rate before a schedule moves it, and the decay; nil where no recipe says them.
        let learningRate: Double?
        let weightDecay: Double?
    }

    let rows: [Row]

    /// - Throws: `RecipeError` where the recipe's optimizer does not go with the network.
    init(_ layer: any Layer, _ recipe: Recipe?) throws {
        var groups: [ObjectIdentifier: ParameterGroup] = [:]
        for group in try recipe?.optimizer.make(layer).groups ?? [] {
            for parameter in group.parameters { groups[ObjectIdentifier(parameter)] = group }
        }
        rows = layer.namedParameters.map { name, parameter in
            let group = groups[ObjectIdentifier(parameter)]
            return Row(
                path: name, shape: parameter.shape.sizes, learningRate: group?.learningRate,
                weightDecay: group?.weightDecay)
        }
    }

    /// The rows as a table.
    func lines(for terminal: Terminal) -> [String] {
        let hasGroups = rows.contains { $0.learningRate != nil }
        let settings: [TerminalTable.Column] =
            hasGroups ? [.init("Rate", .right), .init("Decay", .right)] : []
        var table = TerminalTable([.init("Parameter"), .init("Shape")] + settings)
        for row in rows {
            let shape = row.shape.map(String.init).joined(separator: "×")
            let numbers = [row.learningRate, row.weightDecay].map { TerminalTable.Cell.text($0.map { "\($0)" } ?? "") }
            table.add([.text(row.path), .text(shape)] + (hasGroups ? numbers : []))
        }
        return table.lines(for: terminal)
    }
}
