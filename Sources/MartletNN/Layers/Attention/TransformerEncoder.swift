import MartletTensor

/// A layer of a transformer's encoder: attention to itself, then two dense layers at every position.
///
///     x = norm₁(x + dropout(attention(x)))            with `normFirst`   x = x + dropout(attention(norm₁(x)))
///     y = norm₂(x + dropout(feedforward(x)))                             y = x + dropout(feedforward(norm₂(x)))
///     feedforward(x) = W₂·dropout(activation(W₁·x + b₁)) + b₂
///
/// ## Shapes
/// - `[positions, batch, width]` → the same, or `[batch, positions, width]` with `batchFirst`
/// - parameters under the names of torch.nn.TransformerEncoderLayer: `self_attn.in_proj_weight`, `linear1.weight`, `norm1.weight`, ...
///
/// Source: A. Vaswani et al. (2017); the norm first after R. Xiong et al. (2020).
public final class TransformerEncoderLayer: Layer {
    /// The attention of the input to itself.
    public let selfAttention: MultiheadAttention
    /// What stands after the attention, or before it with `normFirst`.
    public let norm1: LayerNorm
    private let dropout1: Dropout
    private let feedforward: TransformerFeedforward
    /// Whether normalisations stand before attention and dense layers, and not after the additions.
    public let normFirst: Bool

    /// Starting values and defaults are PyTorch's.
    ///
    /// - Parameters:
    ///   - width: the features of a position, a multiple of `heads`.
    ///   - heads: the heads of the attention.
    ///   - feedforward: the features between the two dense layers.
    ///   - dropout: the probability with which attention weights, the features in between and both branches are dropped.
    ///   - activation: what stands between the dense layers: `ReLU()` or `GELU()`, or another.
    ///   - epsilon: ε of the normalisations.
    ///   - normFirst: whether normalisations stand before attention and dense layers.
    ///   - batchFirst: whether inputs and outputs are `[batch, positions, width]`.
    ///   - bias: whether projections, dense layers and normalisations have biases.
    public init(
        _ width: Int, heads: Int, feedforward: Int = 2048, dropout: Double = 0.1, activation: any Layer = ReLU(),
        epsilon: Double = 1e-5, normFirst: Bool = false, batchFirst: Bool = false, bias: Bool = true
    ) {
        selfAttention = MultiheadAttention(width, heads: heads, dropout: dropout, bias: bias, batchFirst: batchFirst)
        norm1 = LayerNorm([width], epsilon: epsilon, bias: bias)
        dropout1 = Dropout(dropout)
        self.feedforward = TransformerFeedforward(
            width, feedforward, dropout: dropout, activation, epsilon: epsilon, bias: bias)
        self.normFirst = normFirst
    }

    /// The parts, under PyTorch's names.
    public var members: [(name: String, value: Any)] {
        [("self_attn", selfAttention), ("norm1", norm1), ("dropout1", dropout1)] + feedforward.members(norm: "norm2")
    }

    /// The layer's output for x, every position looking at every other.
    public func callAsFunction(_ x: Tensor) -> Tensor { self(x, mask: nil) }

    /// The layer's output for x; masks as `MultiheadAttention` takes them.
    public func callAsFunction(
        _ x: Tensor, mask: Tensor?, keyPadding: Tensor? = nil, isCausal: Bool = false
    ) -> Tensor {
        observed(x) { x in
            let attended = added(x, norm1, first: normFirst) {
                dropout1(selfAttention($0, mask: mask, keyPadding: keyPadding, isCausal: isCausal))
            }
            return added(attended, feedforward.norm, first: normFirst) { feedforward($0) }
        }
    }
}

/// Encoder layers one after the other, and a normalisation at the end where there is one.
///
/// ## Shapes
/// - `[positions, batch, width]` → the same, or batch first as the layers are
public final class TransformerEncoder: Layer {
    /// The layers, in the order they run.
    public let layers: [TransformerEncoderLayer]
    /// What stands at the end: needed where the layers normalise first.
    public let norm: LayerNorm?

    /// An encoder of these layers, each with parameters of its own.
    public init(_ layers: [TransformerEncoderLayer], norm: LayerNorm? = nil) {
        (self.layers, self.norm) = (layers, norm)
    }

    /// The last layer's output, every position looking at every other.
    public func callAsFunction(_ x: Tensor) -> Tensor { self(x, mask: nil) }

    /// The last layer's output; masks as `MultiheadAttention` takes them.
    public func callAsFunction(
        _ x: Tensor, mask: Tensor?, keyPadding: Tensor? = nil, isCausal: Bool = false
    ) -> Tensor {
        observed(x) { x in
            let y = layers.reduce(x) { $1($0, mask: mask, keyPadding: keyPadding, isCausal: isCausal) }
            return norm?(y) ?? y
        }
    }
}
