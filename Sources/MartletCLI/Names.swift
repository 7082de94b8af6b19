import ArgumentParser
import Martlet
import MartletRecipes

// What recipes know by name, as options of the command.

extension NamedNetwork: ExpressibleByArgument {
    /// The network of a name.
    public init?(argument: String) {
        guard let network = NamedNetwork.find(argument) else { return nil }
        self = network
    }

    /// The names of all networks.
    public static var allValueStrings: [String] { all.map(\.name) }
    /// The name.
    public var defaultValueDescription: String { name }
    /// The names, for a help text.
    static var names: String { allValueStrings.joined(separator: ", ") }
}

extension ImageSet: ExpressibleByArgument {}
extension DataRecipe.Kind: ExpressibleByArgument {}
extension OptimizerRecipe.Kind: ExpressibleByArgument {}

extension OptimizerRecipe.Kind {
    /// Throws for an optimizer whose step cannot be planned, as it asks for the loss again and again; `source` is what named it.
    func requireSingleGradient(_ source: String = "--optimizer") throws {
        guard evaluatesRepeatedly else { return }
        let advice = source == "--optimizer" ? "name another" : "name another by --optimizer"
        throw ValidationError(
            "\(source) \(rawValue) takes several gradients for a step, which is no one plan; \(advice)")
    }
}
