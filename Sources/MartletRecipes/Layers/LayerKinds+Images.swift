import MartletGraph
import MartletNN
import MartletTensor

extension LayerKinds {
    /// Pooling and what else changes the size of images, channels first.
    static let images =
        [
            pool("MaxPool2d", axes: 2) { MaxPool2d($0, stride: $1, padding: $2) },
            pool("AvgPool2d", axes: 2) { AvgPool2d($0, stride: $1, padding: $2) },
            pool("MaxPool1d", axes: 1) { MaxPool1d($0, stride: $1, padding: $2) },
            pool("AvgPool1d", axes: 1) { AvgPool1d($0, stride: $1, padding: $2) },
            LayerRecipe.Kind(name: "AdaptiveAvgPool2d", shorthand: "output_size") { map in
                let size = try map.counts("output_size", default: [1, 1], places: 2, atLeast: 1)
                return { input, origin in
                    try requireSpace(input, origin)
                    return AdaptiveAvgPool2d(size)
                }
            },
            LayerRecipe.Kind(name: "PixelShuffle", shorthand: "factor") { map in
                let factor = try map.count("factor", default: 2, atLeast: 1)
                return { input, origin in
                    guard input.rank == 3, input[0] % (factor * factor) == 0 else {
                        throw origin.mismatch("channels that \(factor * factor) divides, height and width", input)
                    }
                    return PixelShuffle(factor)
                }
            },
            LayerRecipe.Kind(name: "Upsample", shorthand: "factor") { map in
                let factor = try map.number("factor", default: 2, in: .positive)
                let mode = try map.name("mode", among: ["nearest", "bilinear", "bicubic"], default: "nearest")
                return { input, origin in
                    try requireSpace(input, origin)
                    return Upsample(
                        by: factor, mode: mode == "bilinear" ? .linear : mode == "bicubic" ? .cubic : .nearest)
                }
            },
            LayerRecipe.Kind(name: "LocalResponseNorm", shorthand: "size") { map in
                let size = try map.count("size", default: 5, atLeast: 1)
                let (alpha, beta) = (try map.number("alpha", default: 1e-4), try map.number("beta", default: 0.75))
                let k = try map.number("k", default: 1)
                return { input, origin in
                    guard input.rank >= 2 else {
                        throw origin.mismatch("channels and at least one axis of space", input)
                    }
                    return LocalResponseNorm(size, alpha: alpha, beta: beta, k: k)
                }
            },
        ] + [
            global("GlobalAvgPool") { GlobalAvgPool() }, global("GlobalMaxPool") { GlobalMaxPool() },
        ]

    private static func requireSpace(_ input: Shape, _ origin: LayerRecipe.Origin) throws {
        guard input.rank == 3 else { throw origin.mismatch("channels, height and width", input) }
    }

    private static func pool(
        _ name: String, axes: Int, _ make: @escaping @Sendable (Int, Int, Int) -> any Layer
    ) -> LayerRecipe.Kind {
        LayerRecipe.Kind(name: name, shorthand: "kernel_size") { map in
            let size = try map.count("kernel_size", default: 2, atLeast: 1)
            let (stride, padding) = (
                try map.count("stride", default: size, atLeast: 1), try map.count("padding", default: 0)
            )
            return { input, origin in
                let expected = axes == 2 ? "channels, height and width" : "channels and length"
                guard input.rank == axes + 1 else { throw origin.mismatch(expected, input) }
                guard input.sizes.dropFirst().allSatisfy({ $0 + 2 * padding >= size }) else {
                    throw origin.mismatch("at least \(size - 2 * padding) positions an axis", input)
                }
                return make(size, stride, padding)
            }
        }
    }

    private static func global(_ name: String, _ make: @escaping @Sendable () -> any Layer) -> LayerRecipe.Kind {
        LayerRecipe.Kind(name: name) { _ in
            { input, origin in
                guard input.rank >= 2 else { throw origin.mismatch("channels and at least one axis of space", input) }
                return make()
            }
        }
    }
}
