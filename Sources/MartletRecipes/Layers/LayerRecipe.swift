import MartletGraph
import MartletNN
import MartletTensor

/// One layer of a recipe's list: it is made when the shape that comes in is known, so that a recipe names outputs only.
///
///     - Conv2d: {out: 32, kernel_size: 3, padding: same}
///     - BatchNorm
///     - ReLU
///     - Residual: [Linear: 64, ReLU]
///     - Linear: 10
public struct LayerRecipe: Sendable {
    /// Where it was written, for what is wrong with the shape that comes in.
    fileprivate let origin: Origin
    fileprivate let make: Make

    /// Makes the layer for the shape of one sample.
    typealias Make = @Sendable (_ input: Shape, _ origin: Origin) throws -> any Layer

    /// A layer's place in the recipe.
    struct Origin: Sendable {
        let file: String
        let place: RecipePlace
        let path: String

        /// An error where the layer does not fit what comes in.
        func mismatch(_ expected: String, _ input: Shape) -> RecipeError {
            RecipeError(
                file: file, place: place, key: path, expected: "\(expected) to come in", found: "the shape \(input)")
        }
    }

    /// A kind of layer by its name.
    struct Kind: Sendable {
        let name: String
        /// The setting that a bare value stands for: `Linear: 10` is `Linear: {out: 10}`.
        var shorthand: String?
        let read: @Sendable (RecipeMap) throws -> Make
    }

    /// Makes the layers of a list one after the other, each for what the one before it gives.
    static func make(_ layers: [LayerRecipe], input: Shape) throws -> (layers: [any Layer], output: Shape) {
        var (made, shape) = ([any Layer](), input)
        for layer in layers {
            let next = try layer.make(shape, layer.origin)
            shape = next.outputShape(of: shape)
            made.append(next)
        }
        return (made, shape)
    }

    private init(origin: Origin, make: @escaping Make) { (self.origin, self.make) = (origin, make) }

    /// The layers of a list.
    static func read(list node: RecipeNode, path: [String], file: String) throws -> (
        layers: [LayerRecipe], effective: RecipeNode
    ) {
        guard case .list(let items) = node.content else {
            throw RecipeError(
                file: file, place: node.place, key: path.joined(separator: "."), expected: "a list of layers",
                found: node.finding)
        }
        let read = try items.enumerated().map { try Self.read($1, path: path + ["\($0)"], file: file) }
        return (read.map(\.layer), RecipeNode(.list(read.map(\.effective))))
    }

    private static func read(
        _ node: RecipeNode, path: [String], file: String
    ) throws -> (layer: LayerRecipe, effective: RecipeNode) {
        let (name, settings) = try named(node, path, file)
        guard let kind = LayerKinds.all.first(where: { $0.name == name }) else {
            let names = LayerKinds.all.map(\.name)
            throw RecipeError(
                file: file, place: node.place, key: path.joined(separator: "."),
                expected: "a layer: \(names.joined(separator: ", "))", found: "\"\(name)\"",
                nearest: NearestName.find(name, among: names))
        }
        let map = try RecipeMap(expanded(settings, kind.shorthand), path: path + [name], file: file)
        let make = try kind.read(map)
        try map.finish()
        let origin = Origin(file: file, place: node.place, path: (path + [name]).joined(separator: "."))
        let effective: RecipeNode = map.effective.isEmpty ? .bare(name) : .map([(name, .map(map.effective))])
        return (LayerRecipe(origin: origin, make: make), effective)
    }

    /// A layer stands as its name, or as a map of its name alone to its settings.
    private static func named(
        _ node: RecipeNode, _ path: [String], _ file: String
    ) throws -> (name: String, settings: RecipeNode) {
        switch node.content {
        case .scalar(let name, _): return (name, RecipeNode(.null, at: node.place))
        case .map(let entries) where entries.count == 1: return (entries[0].key, entries[0].value)
        default:
            throw RecipeError(
                file: file, place: node.place, key: path.joined(separator: "."),
                expected: "a layer's name, or its name with settings", found: node.finding)
        }
    }

    private static func expanded(_ node: RecipeNode, _ shorthand: String?) -> RecipeNode {
        guard let shorthand else { return node }
        switch node.content {
        case .map, .null: return node
        case .scalar, .list:
            return RecipeNode(.map([.init(key: shorthand, place: node.place, value: node)]), at: node.place)
        }
    }
}

extension RecipeMap {
    /// Layers under a name.
    func layers(_ key: String) throws -> [LayerRecipe] {
        guard let node = value(key) else { throw error(key, "a list of layers", nil) }
        let (layers, effective) = try LayerRecipe.read(list: node, path: path + [key], file: file)
        note(key, effective)
        return layers
    }
}

extension Layer {
    /// The shape that one sample of a shape leaves with: recorded, and never computed.
    func outputShape(of input: Shape) -> Shape {
        let modes = modeSwitches.map { ($0, $0.isTraining) }
        eval()
        defer { for (mode, isTraining) in modes { mode.isTraining = isTraining } }
        return withoutGradient { Shape(Array(self(Tensor.zeros(Shape([2] + input.sizes))).shape.sizes.dropFirst())) }
    }
}
