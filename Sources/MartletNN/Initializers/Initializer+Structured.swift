import MartletGraph
import MartletTensor

// Initial values that keep what passes through, and sparse ones.

extension Initializer {
    /// Ones on the diagonal of a matrix, zeros elsewhere, times `gain`: a dense layer then gives what it takes.
    public static func identity(gain: Double = 1) -> Initializer {
        Initializer { shape, dtype in
            guard shape.rank == 2 else { stop("Initializer.identity: needs two axes, not \(shape)") }
            return Tensor.eye(shape[0], columns: shape[1], dtype: dtype) * gain
        }
    }

    /// A one in the middle of the kernel from each channel to itself, zeros elsewhere: a convolution then gives what it takes, as
    /// far as there are channels; within each group with `groups`.
    ///
    /// Source: S. Zagoruyko and N. Komodakis, "DiracNets" (2017).
    public static func dirac(groups: Int = 1) -> Initializer {
        Initializer { shape, dtype in
            guard (3...5).contains(shape.rank), groups > 0, shape[0] % groups == 0 else {
                stop(
                    "Initializer.dirac: needs a kernel [outputs, inputs, spatial...] whose outputs fall into \(groups) groups, not \(shape)"
                )
            }
            let output = Value.iota(shape, axis: 0)
            let perGroup = output.constant(Double(max(1, shape[0] / groups)))
            var isOne = Value.binary(.remainder, output, perGroup) .== Value.iota(shape, axis: 1)
            for axis in 2..<shape.rank {
                let position = Value.iota(shape, axis: axis)
                isOne = Value.binary(.logicalAnd, isOne, position .== position.constant(Double(shape[axis] / 2)))
            }
            return Tensor(isOne.cast(to: dtype))
        }
    }

    /// N(0, standardDeviation²) with a share of each column's elements, rounded up, set to 0.
    ///
    /// Source: J. Martens, "Deep learning via Hessian-free optimization" (2010).
    public static func sparse(_ sparsity: Double, standardDeviation: Double = 0.01) -> Initializer {
        Initializer { shape, dtype in
            guard shape.rank == 2, (0...1).contains(sparsity) else {
                stop("Initializer.sparse(\(sparsity)): needs two axes and a share from 0 to 1, the shape is \(shape)")
            }
            let zeros = Int((sparsity * Double(shape[0])).rounded(.up))
            // Each column's elements in random order: the first ones are 0.
            let order = Tensor.randomBits(shape).argsort(axis: 0).argsort(axis: 0)
            let normal = Tensor.normal(shape, standardDeviation: standardDeviation, dtype: dtype)
            return `where`(order .< zeros, Tensor.zeros(like: normal), normal)
        }
    }

    /// What `varianceScaling` draws from.
    public enum Distribution: String, Sendable, Codable, CaseIterable {
        /// N(0, variance).
        case normal = "untruncated_normal"
        /// A normal distribution cut off at two standard deviations, widened so that the variance stays.
        case truncatedNormal = "truncated_normal"
        /// U(-√(3·variance), √(3·variance)).
        case uniform
    }

    /// Variance scale / fan: what Glorot's, He's and LeCun's have in common, in the form of Keras and JAX.
    public static func varianceScaling(
        _ scale: Double = 1, _ fan: Fan = .input, _ distribution: Distribution = .truncatedNormal
    ) -> Initializer {
        guard scale > 0 else { stop("Initializer.varianceScaling: the scale is \(scale); a positive one is expected") }
        let gain = scale.squareRoot()
        switch distribution {
        case .normal: return scaledNormal(gain, fan)
        case .uniform: return scaledUniform(gain, fan)
        case .truncatedNormal:
            return Initializer { shape, dtype in
                // The standard deviation of N(0, 1) cut off at ±2.
                let deviation = gain / Initializer.fan(fan, shape).squareRoot() / 0.87962566103423978
                return truncatedNormal(standardDeviation: deviation, low: -2 * deviation, high: 2 * deviation)(
                    shape, dtype: dtype)
            }
        }
    }
}

/// What stands behind a layer, for the gain of its initial weights.
public enum Nonlinearity: Sendable, Hashable {
    /// Nothing, or a convolution.
    case linear
    /// 1 / (1 + e^-x).
    case sigmoid
    /// The hyperbolic tangent.
    case tanh
    /// max(x, 0).
    case relu
    /// x where positive, else slope·x.
    case leakyReLU(slope: Double = 0.01)
    /// The scaled ELU.
    case selu
}

extension Initializer {
    /// The factor by which weights before a nonlinearity are larger than those before none, so that variances keep their size.
    ///
    ///     linear, sigmoid 1      tanh 5/3      ReLU √2      leaky ReLU √(2 / (1 + slope²))      SELU 3/4
    ///
    /// Source: torch.nn.init.calculate_gain.
    public static func gain(for nonlinearity: Nonlinearity) -> Double {
        switch nonlinearity {
        case .linear, .sigmoid: 1
        case .tanh: 5.0 / 3
        case .relu: 2.0.squareRoot()
        case .leakyReLU(let slope): (2 / (1 + slope * slope)).squareRoot()
        case .selu: 0.75
        }
    }
}
