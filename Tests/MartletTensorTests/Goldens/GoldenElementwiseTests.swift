import MartletGraph
import MartletTensor
import MartletTesting
import Testing

/// Elementwise functions against PyTorch: ordinary and special arguments, first and second derivatives, integers, casts.
struct GoldenElementwiseTests {
    @Test func everyElementwiseCaseAgreesInValueAndDerivatives() throws {
        let file = try GoldenFile("elementwise")
        let exact = GoldenBound(relative: 1e-12, absolute: 1e-13)
        let values = GoldenComparison(file, float32: GoldenBound(relative: 4e-6, absolute: 2e-6), float64: exact)
        // Second derivatives are differences of larger terms.
        let derived = GoldenComparison(file, float32: GoldenBound(relative: 1e-5, absolute: 1e-5), float64: exact)
        var failures: [String] = []
        for golden in file.cases {
            let comparison = golden.text("kind") == "derivatives" ? derived : values
            failures += try comparison.failures(of: golden) { inputs in
                if golden.text("kind") == "derivatives" { return try derivatives(golden.operation, inputs) }
                return [try apply(golden, inputs)]
            }
        }
        #expect(file.cases.count == 182)
        #expect(failures.isEmpty, "\(failures.joined(separator: "\n"))")
    }

    /// The output, the gradient of its sum by each input, and the gradients of the sum of those.
    private func derivatives(_ operation: String, _ inputs: [Tensor]) throws -> [Tensor] {
        let function = try elementwise(operation)
        let slopes = gradient(of: { (x: [Tensor]) in function(x).sum() })
        let curvatures = gradient(of: { (x: [Tensor]) in slopes(x).map { $0.sum() }.reduce(x[0].sum() * 0, +) })
        return [function(inputs)] + slopes(inputs) + curvatures(inputs)
    }

    private func apply(_ golden: GoldenCase, _ inputs: [Tensor]) throws -> Tensor {
        switch golden.operation {
        case "cast", "castThrough":
            guard let name = golden.text("to"), let dtype = DataType.allCases.first(where: { $0.description == name })
            else { throw GoldenError("\(golden): casts to no known type") }
            // Float32 is made here and not by a kernel, which would write 1e-40 as zero (docs/decisions/0012).
            let stored =
                inputs[0].dtype == .float64
                ? Tensor(inputs[0].array(as: Double.self).map { Float($0) }, shape: inputs[0].shape) : inputs[0]
            let result = stored.to(dtype: dtype)
            return golden.operation == "cast" ? result : result.to(dtype: .float32)
        default: return try elementwise(golden.operation)(inputs)
        }
    }

    private func elementwise(_ operation: String) throws -> ([Tensor]) -> Tensor {
        if let function = GoldenElementwiseTests.unary[operation] { return { function($0[0]) } }
        if let function = GoldenElementwiseTests.binary[operation] { return { function($0[0], $0[1]) } }
        throw GoldenError("the operation \(operation) is not known")
    }

    private static let unary: [String: @Sendable (Tensor) -> Tensor] = [
        "negate": { -$0 }, "abs": { $0.abs() }, "sign": { signOfNumbers($0) }, "floor": { $0.floor() },
        "ceil": { $0.ceil() },
        "round": { $0.round() }, "truncate": { $0.truncated() }, "exp": { $0.exp() }, "expm1": { $0.expm1() },
        "log": { $0.log() }, "log1p": { $0.log1p() }, "sqrt": { $0.sqrt() }, "rsqrt": { $0.rsqrt() },
        "reciprocal": { $0.reciprocal() }, "square": { $0.square() }, "sin": { $0.sin() }, "cos": { $0.cos() },
        "tan": { $0.tan() }, "asin": { $0.asin() }, "acos": { $0.acos() }, "atan": { $0.atan() },
        "sinh": { $0.sinh() }, "cosh": { $0.cosh() }, "tanh": { $0.tanh() }, "sigmoid": { $0.sigmoid() },
        "erf": { $0.erf() }, "relu": { relu($0) }, "softplus": { softplus($0) }, "silu": { silu($0) },
        "gelu": { gelu($0) }, "elu": { elu($0) }, "geluTanh": { gelu($0, approximate: true) },
        "leakyReLU": { leakyReLU($0) }, "isNaN": { $0.isNaN() }, "isFinite": { $0.isFinite() },
        "isInfinite": { $0.isInfinite() }, "logicalNot": { .!$0 },
    ]

    private static let binary: [String: @Sendable (Tensor, Tensor) -> Tensor] = [
        "add": { $0 + $1 }, "subtract": { $0 - $1 }, "multiply": { $0 * $1 }, "divide": { $0 / $1 },
        "power": { $0.pow($1) }, "remainder": { $0 % $1 }, "floorDivide": { $0.floorDivided(by: $1) },
        "atan2": { atan2($0, $1) }, "maximum": { maximum($0, $1) }, "minimum": { minimum($0, $1) },
        "equal": { $0 .== $1 }, "notEqual": { $0 .!= $1 }, "less": { $0 .< $1 }, "lessOrEqual": { $0 .<= $1 },
        "greater": { $0 .> $1 }, "greaterOrEqual": { $0 .>= $1 }, "logicalAnd": { $0 .& $1 },
        "logicalOr": { $0 .| $1 }, "logicalXor": { $0 .^ $1 },
    ]

    /// PyTorch's sign of NaN is 0; ours is NaN, as NumPy's and as every other function of NaN.
    private static func signOfNumbers(_ x: Tensor) -> Tensor { `where`(x.isNaN(), Tensor.zeros(like: x), x.sign()) }
}
