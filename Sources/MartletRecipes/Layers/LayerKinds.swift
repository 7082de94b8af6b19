import MartletGraph
import MartletNN
import MartletTensor

/// The layers that a recipe's list may name.
enum LayerKinds {
    static let all = products + shaping + images + sequences + normalization + activations + combinations

    /// A convolution's settings, read once for every number of axes.
    private struct Window {
        let out, kernelSize, stride, dilation, groups: Int
        let padding: Padding
        let bias: Bool

        init(_ map: RecipeMap) throws {
            out = try map.count("out", atLeast: 1)
            kernelSize = try map.count("kernel_size", default: 3, atLeast: 1)
            stride = try map.count("stride", default: 1, atLeast: 1)
            padding = try map.padding()
            dilation = try map.count("dilation", default: 1, atLeast: 1)
            groups = try map.count("groups", default: 1, atLeast: 1)
            bias = try map.flag("bias", default: true)
        }

        /// Checks what comes in: channels and `axes` axes of space.
        func check(_ input: Shape, axes: Int, _ origin: LayerRecipe.Origin) throws {
            guard input.rank == axes + 1 else { throw origin.mismatch("channels and \(axes) axes of space", input) }
            guard input[0] % groups == 0, out % groups == 0 else {
                throw origin.mismatch("channels that \(groups) groups divide", input)
            }
            if case .zeros(let counts) = padding {
                let reach = (kernelSize - 1) * dilation + 1
                guard input.sizes.dropFirst().allSatisfy({ $0 + 2 * counts[0] >= reach }) else {
                    throw origin.mismatch("at least \(reach - 2 * counts[0]) positions an axis", input)
                }
            }
        }
    }

    private static let products = [
        LayerRecipe.Kind(name: "Linear", shorthand: "out") { map in
            let (out, bias) = (try map.count("out", atLeast: 1), try map.flag("bias", default: true))
            return { input, origin in
                guard let inputs = input.sizes.last else { throw origin.mismatch("at least one axis", input) }
                return Linear(inputs, out, bias: bias)
            }
        },
        LayerRecipe.Kind(name: "Conv1d", shorthand: "out") { map in
            let window = try Window(map)
            return { input, origin in
                try window.check(input, axes: 1, origin)
                return Conv1d(
                    input[0], window.out, kernelSize: window.kernelSize, stride: window.stride,
                    padding: window.padding, dilation: window.dilation, groups: window.groups, bias: window.bias)
            }
        },
        LayerRecipe.Kind(name: "Conv2d", shorthand: "out") { map in
            let window = try Window(map)
            return { input, origin in
                try window.check(input, axes: 2, origin)
                return Conv2d(
                    input[0], window.out, kernelSize: window.kernelSize, stride: window.stride,
                    padding: window.padding, dilation: window.dilation, groups: window.groups, bias: window.bias)
            }
        },
    ]

    private static let shaping = [
        plain("Flatten") { Flatten() },
        LayerRecipe.Kind(name: "Dropout", shorthand: "p") { map in
            let p = try map.number("p", default: 0.5, in: .probability)
            return { _, _ in Dropout(p) }
        },
        LayerRecipe.Kind(name: "Dropout2d", shorthand: "p") { map in
            let p = try map.number("p", default: 0.5, in: .probability)
            return { input, origin in
                guard input.rank == 3 else { throw origin.mismatch("channels, height and width", input) }
                return Dropout2d(p)
            }
        },
        LayerRecipe.Kind(name: "AlphaDropout", shorthand: "p") { map in
            let p = try map.number("p", default: 0.5, in: .probability)
            return { _, _ in AlphaDropout(p) }
        },
        LayerRecipe.Kind(name: "DropPath", shorthand: "p") { map in
            let p = try map.number("p", default: 0.1, in: .probability)
            return { _, _ in DropPath(p) }
        },
    ]

    private static let normalization = [
        LayerRecipe.Kind(name: "BatchNorm") { map in
            let epsilon = try map.number("epsilon", default: 1e-5, in: .positive)
            let momentum = try map.number("momentum", default: 0.1, in: 0...1)
            let affine = try map.flag("affine", default: true)
            return { input, origin in
                switch input.rank {
                case 1, 2: BatchNorm1d(input[0], epsilon: epsilon, momentum: momentum, affine: affine)
                case 3: BatchNorm2d(input[0], epsilon: epsilon, momentum: momentum, affine: affine)
                default: throw origin.mismatch("one to three axes", input)
                }
            }
        },
        LayerRecipe.Kind(name: "LayerNorm") { map in
            let epsilon = try map.number("epsilon", default: 1e-5, in: .positive)
            return { input, origin in
                guard let size = input.sizes.last else { throw origin.mismatch("at least one axis", input) }
                return LayerNorm(size, epsilon: epsilon)
            }
        },
        LayerRecipe.Kind(name: "RMSNorm") { _ in
            { input, origin in
                guard let size = input.sizes.last else { throw origin.mismatch("at least one axis", input) }
                return RMSNorm([size])
            }
        },
        LayerRecipe.Kind(name: "InstanceNorm") { map in
            let affine = try map.flag("affine")
            return { input, origin in
                switch input.rank {
                case 2: InstanceNorm1d(input[0], affine: affine)
                case 3: InstanceNorm2d(input[0], affine: affine)
                default: throw origin.mismatch("channels and one or two axes of space", input)
                }
            }
        },
        LayerRecipe.Kind(name: "GroupNorm", shorthand: "groups") { map in
            let groups = try map.count("groups", atLeast: 1)
            let epsilon = try map.number("epsilon", default: 1e-5, in: .positive)
            return { input, origin in
                guard input.rank >= 1, input[0] % groups == 0 else {
                    throw origin.mismatch("channels that \(groups) groups divide", input)
                }
                return GroupNorm(groups: groups, channels: input[0], epsilon: epsilon)
            }
        },
    ]

    private static let activations =
        [
            plain("ReLU") { ReLU() }, plain("Sigmoid") { Sigmoid() }, plain("Tanh") { Tanh() },
            plain("SiLU") { SiLU() },
            plain("Mish") { Mish() }, plain("Softplus") { Softplus() }, plain("Hardswish") { Hardswish() },
            plain("SELU") { SELU() }, plain("Identity") { Identity() }, plain("ReLU6") { ReLU6() },
            plain("Hardsigmoid") { Hardsigmoid() }, plain("Hardtanh") { Hardtanh() },
            plain("LogSigmoid") { LogSigmoid() },
            plain("Softsign") { Softsign() }, plain("Tanhshrink") { Tanhshrink() }, plain("CELU") { CELU() },
            plain("PReLU") { PReLU() },
        ] + [
            LayerRecipe.Kind(name: "LeakyReLU", shorthand: "negative_slope") { map in
                let slope = try map.number("negative_slope", default: 0.01)
                return { _, _ in LeakyReLU(slope) }
            },
            LayerRecipe.Kind(name: "ELU", shorthand: "alpha") { map in
                let alpha = try map.number("alpha", default: 1)
                return { _, _ in ELU(alpha) }
            },
            LayerRecipe.Kind(name: "GELU") { map in
                let isApproximate = try map.flag("approximate")
                return { _, _ in GELU(approximate: isApproximate) }
            },
        ]

    private static func plain(_ name: String, _ make: @escaping @Sendable () -> any Layer) -> LayerRecipe.Kind {
        LayerRecipe.Kind(name: name) { _ in { _, _ in make() } }
    }
}

extension RecipeMap {
    /// `padding: 1` or `padding: same`.
    fileprivate func padding() throws -> Padding {
        if case .scalar("same", _)? = value("padding")?.content {
            note("padding", .text("same"))
            return .same
        }
        return .zeros([try count("padding", default: 0)])
    }
}
