import MartletGraph
import MartletTensor

/// Spectral normalisation: a layer whose weight, as a matrix, is divided by its largest singular value.
///
///     W = V / σ,  σ = uᵀ·V·v,  in training before each call u ← Vv / ‖Vv‖, v ← Vᵀu / ‖Vᵀu‖
///
/// The matrix has the weight's outputs as rows: axis 1 of transposed convolutions, else axis 0.
///
/// ## Shapes
/// - as the layer's; u `[rows]`, v `[columns]`
/// - `parametrizations.weight.original` (V), `parametrizations.weight.0._u` and `parametrizations.weight.0._v`, the names of
///   torch.nn.utils.parametrizations.spectral_norm
///
/// Source: T. Miyato et al., "Spectral normalization for generative adversarial networks" (2018).
public final class SpectralNorm<Wrapped: ReweightableLayer>: Layer, ModeDependent {
    /// The layer that is computed with W; V stands in the place of its weight.
    public let layer: Wrapped
    /// u: nearly the left singular vector of the largest singular value.
    public let left: ModuleBuffer
    /// v: nearly the right one.
    public let right: ModuleBuffer
    /// Training or evaluation, as `train()` and `eval()` set it: evaluation takes u and v as they are.
    public let mode = ModeSwitch()
    /// The axis of the weight whose positions are the matrix's rows.
    public let axis: Int
    /// Iterations before each call in training.
    public let iterations: Int
    /// What a vector's length is at least taken for.
    public let epsilon: Double

    /// u and v start from random directions and 15 iterations. `axis` is 1 for transposed convolutions and else 0 where it is nil.
    public init(_ layer: Wrapped, iterations: Int = 1, axis: Int? = nil, epsilon: Double = 1e-12) {
        let shape = layer.weight.shape
        let axis = axis ?? (layer is ConvTranspose1d || layer is ConvTranspose2d || layer is ConvTranspose3d ? 1 : 0)
        guard iterations > 0, shape.indices.contains(axis) else {
            stop(
                "SpectralNorm(iterations: \(iterations), axis: \(axis)): an iteration and an axis of \(shape) are expected"
            )
        }
        (self.layer, self.axis, self.iterations, self.epsilon) = (layer, axis, iterations, epsilon)
        let (rows, columns) = (shape[axis], shape.elementCount / max(1, shape[axis]))
        left = ModuleBuffer("parametrizations.weight.0._u", .randn([rows]))
        right = ModuleBuffer("parametrizations.weight.0._v", .randn([columns]))
        iterate(15)
    }

    /// V, u, v and the bias, under PyTorch's names.
    public var members: [(name: String, value: Any)] {
        parametrized(
            layer,
            [
                ("parametrizations.weight.original", layer.weight), ("parametrizations.weight.0._u", left),
                ("parametrizations.weight.0._v", right),
            ])
    }

    /// The layer's output for x, with W.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        observed(x) { x in
            if mode.isTraining { iterate(iterations) }
            let weight = layer.weight.value
            let largest = dot(left.value, matmul(matrix(weight), right.value))
            return layer.output(x, weight: weight / largest)
        }
    }

    private func matrix(_ weight: Tensor) -> Tensor {
        weight.movingAxis(axis, to: 0).reshape([weight.shape[axis], -1])
    }

    private func iterate(_ count: Int) {
        withoutGradient {
            let weight = matrix(layer.weight.value)
            var (u, v) = (left.value, right.value)
            for _ in 0..<count {
                u = normalized(matmul(weight, v))
                v = normalized(matmul(weight.transpose(), u))
            }
            (left.value, right.value) = (u, v)
        }
    }

    private func normalized(_ vector: Tensor) -> Tensor { vector / vector.norm().clipped(low: epsilon) }
}
