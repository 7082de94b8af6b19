import MartletGraph
import MartletNN
import MartletTensor

extension LayerKinds {
    /// Layers made of layers.
    static let combinations = [
        LayerRecipe.Kind(name: "Sequential", shorthand: "layers") { map in
            let layers = try map.layers("layers")
            return { input, _ in Sequential(try LayerRecipe.make(layers, input: input).layers) }
        },
        LayerRecipe.Kind(name: "Repeat") { map in
            let (times, layers) = (try map.count("times", atLeast: 1), try map.layers("layers"))
            return { input, _ in
                var (made, shape) = ([any Layer](), input)
                for _ in 0..<times {
                    let next = try LayerRecipe.make(layers, input: shape)
                    made += next.layers
                    shape = next.output
                }
                return Sequential(made)
            }
        },
        LayerRecipe.Kind(name: "Residual", shorthand: "layers") { map in
            let layers = try map.layers("layers")
            let shortcut = map.has("shortcut") ? try map.layers("shortcut") : []
            let activation = map.has("activation") ? try map.layers("activation") : []
            let place = try map.name("place", among: ["after", "before"], default: "after")
            return { input, origin in
                let (body, output) = try LayerRecipe.make(layers, input: input)
                let (way, other) = try LayerRecipe.make(shortcut, input: input)
                guard output == other else {
                    throw origin.mismatch("the shape \(output) that its layers give, or a shortcut to it,", other)
                }
                let last = try LayerRecipe.make(activation, input: output).layers
                return Residual(
                    Sequential(body), shortcut: way.isEmpty ? nil : Sequential(way),
                    activation: last.isEmpty ? nil : Sequential(last),
                    place == "after" ? .afterAddition : .beforeAddition)
            }
        },
        LayerRecipe.Kind(name: "Concatenate", shorthand: "branches") { map in
            let branches = try map.branches("branches")
            return { input, origin in
                let made = try branches.map { try LayerRecipe.make($0, input: input) }
                let rest = Set(made.map { Array($0.output.sizes.dropFirst()) })
                guard rest.count == 1 else { throw origin.mismatch("branches of one shape but for channels", input) }
                return Concatenate(axis: 1, made.map { Sequential($0.layers) })
            }
        },
        LayerRecipe.Kind(name: "Parallel", shorthand: "branches") { map in
            let branches = try map.branches("branches")
            return { input, origin in
                let made = try branches.map { try LayerRecipe.make($0, input: input) }
                guard Set(made.map(\.output)).count == 1 else { throw origin.mismatch("branches of one shape", input) }
                return Parallel(made.map { Sequential($0.layers) })
            }
        },
    ]
}

extension RecipeMap {
    /// Lists of layers in a list.
    fileprivate func branches(_ key: String) throws -> [[LayerRecipe]] {
        guard let node = value(key), case .list(let items) = node.content, !items.isEmpty else {
            throw error(key, "a list of lists of layers", value(key))
        }
        let read = try items.enumerated().map { index, item in
            try LayerRecipe.read(list: item, path: path + [key, "\(index)"], file: file)
        }
        note(key, RecipeNode(.list(read.map(\.effective))))
        return read.map(\.layers)
    }
}
