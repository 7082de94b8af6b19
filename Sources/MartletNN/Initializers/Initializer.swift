import MartletGraph
import MartletTensor

/// How a parameter starts: a function of its shape, drawing from the task's generator.
///
/// The fans of a shape are those of PyTorch: `[out, in]` of a dense layer, `[out, in / groups, kernel...]` of a convolution;
/// fan in = in · kernel size, fan out = out · kernel size.
public struct Initializer: Sendable {
    private let make: @Sendable (Shape, DataType) -> Tensor

    /// Any function of shape and type.
    public init(_ make: @escaping @Sendable (Shape, DataType) -> Tensor) { self.make = make }

    /// A new tensor of this shape and type.
    public func callAsFunction(_ shape: Shape, dtype: DataType = .float32) -> Tensor { make(shape, dtype) }

    /// Which fan a variance is scaled by: the inputs', the outputs', or the mean of the two.
    public enum Fan: String, Sendable, Codable, CaseIterable { case input, output, average }

    /// Inputs and outputs that one element of each side has.
    public static func fans(of shape: Shape) -> (input: Int, output: Int) {
        guard shape.rank >= 2 else { return (shape.elementCount, shape.elementCount) }
        let kernel = shape.sizes.dropFirst(2).reduce(1, *)
        return (shape[1] * kernel, shape[0] * kernel)
    }

    static func fan(_ fan: Fan, _ shape: Shape) -> Double {
        let (input, output) = fans(of: shape)
        switch fan {
        case .input: return Double(max(1, input))
        case .output: return Double(max(1, output))
        case .average: return max(1, Double(input + output) / 2)
        }
    }

    // MARK: Constants

    /// Zeros: right for biases; for weights it leaves every unit of a layer the same for ever.
    public static let zeros = constant(0)
    /// Ones: right for the scales of normalisations.
    public static let ones = constant(1)
    /// The same value everywhere.
    public static func constant(_ value: Double) -> Initializer {
        Initializer { shape, dtype in Tensor.full(shape, value, dtype: dtype) }
    }

    // MARK: Plain distributions

    /// N(mean, standardDeviation²).
    public static func normal(mean: Double = 0, standardDeviation: Double = 1) -> Initializer {
        Initializer { shape, dtype in
            Tensor.normal(shape, mean: mean, standardDeviation: standardDeviation, dtype: dtype)
        }
    }

    /// U(low, high).
    public static func uniform(low: Double = 0, high: Double = 1) -> Initializer {
        Initializer { shape, dtype in Tensor.uniform(shape, low: low, high: high, dtype: dtype) }
    }

    /// N(mean, standardDeviation²) kept to [low, high], by the inverse of the distribution's function.
    public static func truncatedNormal(
        mean: Double = 0, standardDeviation: Double = 1, low: Double = -2, high: Double = 2
    ) -> Initializer {
        Initializer { shape, dtype in
            let root2 = 2.0.squareRoot()
            // 2Φ(x) - 1 = erf(x/√2): uniform between its ends, then turned back.
            func edge(_ x: Double) -> Double {
                Tensor([(x - mean) / standardDeviation / root2]).erf().item(as: Double.self)
            }
            let unit = Tensor.uniform(shape, low: edge(low), high: edge(high), dtype: .float64)
            let standard = inverseErf(unit) * root2
            return (standard * standardDeviation + mean).clipped(low: low, high: high).to(dtype: dtype)
        }
    }

    // MARK: Scaled by fans

    /// Glorot's (Xavier's): variance 2 / (fan in + fan out), for tanh and sigmoid. Source: X. Glorot and Y. Bengio (2010).
    public static func glorotNormal(gain: Double = 1) -> Initializer { scaledNormal(gain, .average) }
    /// Glorot's in a uniform distribution: U(-b, b) with b = gain·√(6 / (fan in + fan out)).
    public static func glorotUniform(gain: Double = 1) -> Initializer { scaledUniform(gain, .average) }

    /// He's (Kaiming's): variance 2 / fan, for ReLU. Source: K. He et al. (2015).
    public static func heNormal(_ fan: Fan = .input, gain: Double = 2.0.squareRoot()) -> Initializer {
        scaledNormal(gain, fan)
    }
    /// He's in a uniform distribution: U(-b, b) with b = gain·√(3 / fan).
    public static func heUniform(_ fan: Fan = .input, gain: Double = 2.0.squareRoot()) -> Initializer {
        scaledUniform(gain, fan)
    }

    /// LeCun's: variance 1 / fan in. Source: Y. LeCun et al., "Efficient backprop" (1998).
    public static func lecunNormal() -> Initializer { scaledNormal(1, .input) }
    /// LeCun's in a uniform distribution: U(-b, b) with b = √(3 / fan in).
    public static func lecunUniform() -> Initializer { scaledUniform(1, .input) }

    /// PyTorch's default for dense layers and convolutions: U(-1/√fan in, 1/√fan in).
    public static let torchDefault = scaledUniform(1 / 3.0.squareRoot(), .input)

    /// U(-1/√fan, 1/√fan): PyTorch's default for the bias beside a weight of that fan in.
    public static func torchBias(fanIn: Int) -> Initializer {
        let bound = fanIn > 0 ? 1 / Double(fanIn).squareRoot() : 0
        return uniform(low: -bound, high: bound)
    }

    static func scaledNormal(_ gain: Double, _ side: Fan) -> Initializer {
        Initializer { shape, dtype in
            Tensor.normal(shape, standardDeviation: gain / fan(side, shape).squareRoot(), dtype: dtype)
        }
    }

    static func scaledUniform(_ gain: Double, _ side: Fan) -> Initializer {
        Initializer { shape, dtype in
            let bound = gain * (3 / fan(side, shape)).squareRoot()
            return Tensor.uniform(shape, low: -bound, high: bound, dtype: dtype)
        }
    }

    /// A matrix with orthonormal rows or columns, times `gain`; axes after the first count as columns.
    ///
    /// Source: A. Saxe et al., "Exact solutions to the nonlinear dynamics of learning" (2014).
    public static func orthogonal(gain: Double = 1) -> Initializer {
        Initializer { shape, dtype in
            guard shape.rank >= 2 else { stop("Initializer.orthogonal: needs at least two axes, not \(shape)") }
            let rows = shape[0]
            let columns = shape.elementCount / max(1, shape[0])
            let tall = Tensor.randn(rows < columns ? [columns, rows] : [rows, columns], dtype: .float64)
            let (q, r) = tall.qr()
            // Signs of R's diagonal make the draw uniform over all such matrices.
            let signed = q * r.diagonal().sign()
            let result = rows < columns ? signed.transpose() : signed
            return (result * gain).reshape(shape).to(dtype: dtype)
        }
    }
}

/// erf⁻¹ by M. Giles' polynomials (2010) and two steps of Newton's method, float64.
private func inverseErf(_ x: Tensor) -> Tensor {
    let w = -((1 - x) * (1 + x)).log()
    func polynomial(_ variable: Tensor, _ coefficients: [Double]) -> Tensor {
        coefficients.dropFirst().reduce(Tensor.full([], coefficients[0], dtype: .float64)) { $0 * variable + $1 }
    }
    let near = polynomial(
        w - 2.5,
        [
            2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087, -0.00125372503,
            -0.00417768164,
            0.246640727, 1.50140941,
        ])
    let far = polynomial(
        w.sqrt() - 3.0,
        [
            -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613, 0.00943887047,
            1.00167406, 2.83297682,
        ])
    var y = `where`(w .< 5.0, near, far) * x
    for _ in 0..<2 { y = y - (y.erf() - x) / (1.1283791670955126 * (-(y * y)).exp()) }
    return y
}
