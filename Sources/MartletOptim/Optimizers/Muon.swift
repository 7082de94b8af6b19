import MartletGraph
import MartletNN
import MartletTensor

/// Muon: momentum, its singular values brought near 1: for the weight matrices inside a network.
///
///     v ← β·v + (1 - β)·g
///     b = β·v + (1 - β)·g                           with Nesterov's look-ahead; else v
///     X = b / max(‖b‖₂, ε), then five times  X ← a·X + (b·A + c·A²)·X,  A = X·Xᵀ
///     p ← p · (1 - rate · weightDecay) - rate · scale · X
///
/// (a, b, c) = (3.4445, -4.7750, 2.0315), with which singular values end between about 0.7 and 1.2. Of more than two axes a
/// parameter is taken as `[first, all others]`, as for a convolution's weights. Biases, embeddings and the last layer are
/// for another optimizer.
///
/// The iteration runs in the type that the update computes in, float32 for most; PyTorch's runs in bfloat16.
///
/// Source: K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024), in the form of
/// torch.optim.Muon, whose defaults and names of state it has.
public final class Muon: Optimizer {
    /// How the rate is fitted to a matrix of m rows and n columns.
    public enum Scale: Sendable {
        /// √max(1, m / n).
        case original
        /// 0.2 · √max(m, n): steps as large as AdamW's, whose rates then serve.
        case matchingAdamW
        /// √(m / n).
        case spectral
    }

    /// Newton and Schulz's iterations.
    public let iterations: Int
    /// True where a step looks ahead.
    public let nesterov: Bool
    /// How the rate is fitted to a matrix.
    public let scale: Scale
    private let form: UpdateForm

    /// One group of all parameters.
    public convenience init(
        _ parameters: [Parameter], learningRate: Double = 1e-3, momentum: Double = 0.95, nesterov: Bool = true,
        weightDecay: Double = 0.1, iterations: Int = 5, epsilon: Double = 1e-7, scale: Scale = .original,
        maximize: Bool = false
    ) {
        self.init(
            [ParameterGroup(parameters, learningRate: learningRate, weightDecay: weightDecay)], momentum: momentum,
            nesterov: nesterov, iterations: iterations, epsilon: epsilon, scale: scale, maximize: maximize)
    }

    /// Groups with settings of their own. Stops where a parameter has fewer than two axes.
    public init(
        _ groups: [ParameterGroup], momentum: Double = 0.95, nesterov: Bool = true, iterations: Int = 5,
        epsilon: Double = 1e-7, scale: Scale = .original, maximize: Bool = false
    ) {
        for parameter in groups.flatMap(\.parameters) where parameter.shape.rank < 2 {
            stop("Muon: needs matrices, a parameter's shape is \(parameter.shape); give it to AdamW")
        }
        (self.iterations, self.nesterov, self.scale) = (iterations, nesterov, scale)
        form = UpdateForm(.decoupled, maximize: maximize)
        super.init(
            groups, stateNames: ["momentum_buffer"], settings: [.momentum: momentum, .epsilon: epsilon])
    }

    override package func composite(_ group: ParameterGroup, isFirst: Bool) -> any Composite {
        MuonUpdate(form: form.decaying(group), nesterov: nesterov, iterations: iterations, scale: scale)
    }

    override package func scalars(_ group: ParameterGroup, isFirst: Bool, count: StateNumber) -> [Value] {
        group.scalars(.momentum, .epsilon)
    }
}

private struct MuonUpdate: UpdateFormula {
    let form: UpdateForm
    let nesterov: Bool
    let iterations: Int
    let scale: Muon.Scale
    var name: String { "muonUpdate" }
    var numberNames: [String] { ["momentum", "epsilon"] }

    func step(_ inputs: UpdateInputs) -> UpdateResults {
        let (beta, epsilon) = (inputs.numbers[0], inputs.numbers[1])
        let (p, g) = (inputs.parameter, inputs.gradient)
        let v = beta * inputs.state[0] + (1 - beta) * g
        let rows = p.shape[0]
        let columns = p.shape.elementCount / max(1, rows)
        let matrix = (nesterov ? beta * v + (1 - beta) * g : v).reshaped(known: [rows, columns])
        let direction = orthogonalized(matrix, epsilon).reshaped(known: p.shape)
        return UpdateResults(p - inputs.rate * (direction * factor(Double(rows), Double(columns))), [v])
    }

    /// The matrix with its singular values brought near 1.
    private func orthogonalized(_ matrix: Value, _ epsilon: Number) -> Value {
        let (a, b, c) = (3.4445, -4.7750, 2.0315)
        // x·xᵀ is the smaller product where there are fewer rows than columns.
        let isTall = matrix.shape[0] > matrix.shape[1]
        var x = isTall ? matrix.swappingAxes(0, 1) : matrix
        x = x / x.norm.maximum(epsilon.value.cast(to: x.dtype))
        for _ in 0..<iterations {
            let gram = x.matmul(x.swappingAxes(0, 1))
            x = a * x + (b * gram + c * gram.matmul(gram)).matmul(x)
        }
        return isTall ? x.swappingAxes(0, 1) : x
    }

    private func factor(_ rows: Double, _ columns: Double) -> Double {
        switch scale {
        case .original: max(1, rows / max(1, columns)).squareRoot()
        case .matchingAdamW: 0.2 * max(rows, columns).squareRoot()
        case .spectral: (rows / max(1, columns)).squareRoot()
        }
    }

    func encodeAttributes(into key: inout KeyWriter) {
        key.write(nesterov)
        key.write(iterations)
        switch scale {
        case .original: key.write(0)
        case .matchingAdamW: key.write(1)
        case .spectral: key.write(2)
        }
    }
}
