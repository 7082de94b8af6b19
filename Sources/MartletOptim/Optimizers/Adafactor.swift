import MartletGraph
import MartletNN
import MartletTensor

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Adafactor: the mean square of a matrix kept as one number a row and one a column, and steps relative to the parameter's
/// size: the memory of an optimizer for next to nothing.
///
///     p ← p · (1 - rate · weightDecay)
///     β = 1 - t^`decayExponent`,  α = max(ε₂, RMS(p)) · min(rate, 1/√t)
///     R ← β·R + (1 - β)·mean over columns of g²,  C ← β·C + (1 - β)·mean over rows of g²
///     V = R·C / max(mean(R), ε₁)                     of a vector: V ← β·V + (1 - β)·g²
///     u = g / √max(V, ε₁²)
///     p ← p - α · u / max(1, RMS(u) / d)             RMS(p) before the decay; d is `clipping`
///
/// Of more than two axes the last two are factored.
///
/// Source: N. Shazeer and M. Stern, "Adafactor: adaptive learning rates with sublinear memory cost" (2018), in the form of
/// torch.optim.Adafactor, whose defaults and names of state it has.
public final class Adafactor: Optimizer {
    /// The exponent with which 1 - β falls; negative.
    public let decayExponent: Double
    /// ε₁: the least root of V; nil is the distance from 1 to the next number of the type that the update computes in.
    public let epsilon1: Double?
    /// ε₂: the least size of a parameter that steps are relative to.
    public let epsilon2: Double
    /// d: the root mean square beyond which a step is scaled down.
    public let clipping: Double
    private let form: UpdateForm

    /// One group of all parameters.
    public convenience init(
        _ parameters: [Parameter], learningRate: Double = 1e-2, decayExponent: Double = -0.8, epsilon1: Double? = nil,
        epsilon2: Double = 1e-3, clipping: Double = 1, weightDecay: Double = 0, maximize: Bool = false
    ) {
        self.init(
            [ParameterGroup(parameters, learningRate: learningRate, weightDecay: weightDecay)],
            decayExponent: decayExponent, epsilon1: epsilon1, epsilon2: epsilon2, clipping: clipping,
            maximize: maximize)
    }

    /// Groups with learning rates and weight decays of their own.
    public init(
        _ groups: [ParameterGroup], decayExponent: Double = -0.8, epsilon1: Double? = nil, epsilon2: Double = 1e-3,
        clipping: Double = 1, maximize: Bool = false
    ) {
        (self.decayExponent, self.epsilon1, self.epsilon2) = (decayExponent, epsilon1, epsilon2)
        self.clipping = clipping
        form = UpdateForm(.decoupled, maximize: maximize)
        super.init(
            groups, stateNames: ["row_var", "col_var", "variance"],
            stateTypes: { parameter in
                let (sizes, dtype) = (parameter.shape.sizes, parameter.dtype)
                guard sizes.count >= 2 else { return [nil, nil, TensorType(parameter.shape, dtype)] }
                let rows = Shape(Array(sizes.dropLast()) + [1])
                let columns = Shape(Array(sizes.dropLast(2)) + [1, sizes[sizes.count - 1]])
                return [TensorType(rows, dtype), TensorType(columns, dtype), nil]
            })
    }

    override package func composite(_ group: ParameterGroup, isFirst: Bool) -> any Composite {
        AdafactorUpdate(form: form.decaying(group), hasEpsilon: epsilon1 != nil)
    }

    override package func scalars(_ group: ParameterGroup, isFirst: Bool, count: StateNumber) -> [Value] {
        let exponent = decayExponent
        let numbers = [count.value { pow($0, exponent) }, count.value { 1 / $0.squareRoot() }]
        return group.scalars() + numbers + [.setting(epsilon2), .setting(clipping)]
            + (epsilon1.map { [.setting($0)] } ?? [])
    }
}

private struct AdafactorUpdate: UpdateFormula {
    let form: UpdateForm
    let hasEpsilon: Bool
    var name: String { "adafactorUpdate" }
    var numberNames: [String] {
        ["1 - beta", "largest rate", "epsilon 2", "clipping"] + (hasEpsilon ? ["epsilon 1"] : [])
    }
    var decaysItself: Bool { true }

    func step(_ inputs: UpdateInputs) -> UpdateResults {
        let (fresh, largest, epsilon2, d) = (inputs.numbers[0], inputs.numbers[1], inputs.numbers[2], inputs.numbers[3])
        let (p, g) = (inputs.parameter, inputs.gradient)
        let precision = p.dtype == .float64 ? Double.ulpOfOne : Double(Float.ulpOfOne)
        let epsilon1 = hasEpsilon ? inputs.numbers[4].value.cast(to: p.dtype) : p.constant(precision)
        let alpha = inputs.rate.minimum(largest) * p.rootMeanSquare.maximum(epsilon2.value.cast(to: p.dtype))

        func mean(_ old: Value, _ new: Value) -> Value { old + fresh * (new - old) }
        var (estimate, state): (Value, [Value])
        if p.rank >= 2 {
            let square = g * g
            let rows = mean(inputs.state[0], square.mean([p.rank - 1], keeping: true))
            let columns = mean(inputs.state[1], square.mean([p.rank - 2], keeping: true))
            estimate = rows * columns / rows.mean([p.rank - 2], keeping: true).maximum(epsilon1)
            state = [rows, columns]
        } else {
            estimate = mean(inputs.state[0], g * g)
            state = [estimate]
        }
        let u = g / estimate.maximum(epsilon1 * epsilon1).squareRoot
        let excess = (u.rootMeanSquare / d).maximum(p.constant(1))
        let shrunk = inputs.decay.map { (1 - inputs.rate * $0) * p } ?? p
        return UpdateResults(shrunk - alpha / excess * u, state)
    }

    func encodeAttributes(into key: inout KeyWriter) { key.write(hasEpsilon) }
}

extension Value {
    /// √(mean of the squares), a scalar.
    fileprivate var rootMeanSquare: Value { norm / Double(max(1, shape.elementCount)).squareRoot() }
}
