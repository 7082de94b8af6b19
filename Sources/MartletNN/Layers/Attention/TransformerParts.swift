import MartletTensor

// What encoder and decoder layers share.

/// x + branch(x), normalised after the addition; or x + branch(norm(x)).
func added(_ x: Tensor, _ norm: LayerNorm, first: Bool, _ branch: (Tensor) -> Tensor) -> Tensor {
    first ? x + branch(norm(x)) : norm(x + branch(x))
}

/// dropout(W₂·dropout(activation(W₁·x + b₁)) + b₂), with the normalisation that belongs to this branch.
struct TransformerFeedforward: Sendable {
    let norm: LayerNorm
    private let linear1: Linear
    private let linear2: Linear
    private let innerDropout: Dropout
    private let outerDropout: Dropout
    private let activation: any Layer

    init(
        _ width: Int, _ inner: Int, dropout: Double, _ activation: any Layer, epsilon: Double, bias: Bool
    ) {
        linear1 = Linear(width, inner, bias: bias)
        linear2 = Linear(inner, width, bias: bias)
        norm = LayerNorm([width], epsilon: epsilon, bias: bias)
        (innerDropout, outerDropout, self.activation) = (Dropout(dropout), Dropout(dropout), activation)
    }

    /// The parts, under PyTorch's names.
    func members(norm name: String) -> [(name: String, value: Any)] {
        [
            ("linear1", linear1), ("linear2", linear2), (name, norm), ("activation", activation),
            ("dropout", innerDropout), ("\(name.replacing("norm", with: "dropout"))", outerDropout),
        ]
    }

    func callAsFunction(_ x: Tensor) -> Tensor { outerDropout(linear2(innerDropout(activation(linear1(x))))) }
}
