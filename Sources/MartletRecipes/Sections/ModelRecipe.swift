import MartletGraph
import MartletNN
import MartletTensor

/// The network of a recipe: one by name, or a list of layers.
///
///     model: lenet5
///     model: {kind: resnet18, classes: 10}
///     model: {layers: [Flatten, {Linear: 128}, ReLU, {Linear: 10}]}
public struct ModelRecipe: Sendable {
    /// The network's name; `layers` for a list.
    public let kind: String
    private let build: @Sendable (Shape) throws -> any Layer

    init(_ map: RecipeMap) throws {
        let names = NamedNetwork.all.map(\.name) + ["layers"]
        kind = try map.name("kind", among: names, default: map.has("layers") ? "layers" : "lenet5")
        guard let network = NamedNetwork.find(kind) else {
            let layers = try map.layers("layers")
            build = { input in Sequential(try LayerRecipe.make(layers, input: input).layers) }
            return
        }
        let classes = network.takesClasses ? try map.count("classes", default: network.classes, atLeast: 2) : nil
        let place = map.value("kind")
        let error = map.error("kind", "", place)
        build = { input in
            if let expected = network.misfit(input) {
                throw RecipeError(
                    file: error.file, place: error.place, key: error.key,
                    expected: "\(expected) for \(network.title)", found: "the shape \(input)")
            }
            return network.make(classes: classes)
        }
    }

    /// As it is written.
    public var title: String { NamedNetwork.find(kind)?.title ?? "Network" }

    /// The network for the shape of one sample, its weights drawn from the generator.
    ///
    /// - Throws: `RecipeError` where the network, or a layer, does not fit what comes in.
    public func make(input: Shape) throws -> any Layer { try build(input) }
}
