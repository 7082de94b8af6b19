import MartletTensor

/// Masks of a decoder's call: for the attention of the target to itself, and for that of the target to the memory.
///
/// Each as `MultiheadAttention` takes it.
public struct TransformerMasks: Sendable {
    /// Where a target position may look at another.
    public var target: Tensor?
    /// Boolean `[batch, targets]`, true where a target position is padding.
    public var targetPadding: Tensor?
    /// Whether target position i looks at positions 0...i alone.
    public var isCausal: Bool
    /// Where a target position may look at the memory.
    public var memory: Tensor?
    /// Boolean `[batch, positions]`, true where the memory is padding.
    public var memoryPadding: Tensor?

    /// Masks; none where nothing is named.
    public init(
        target: Tensor? = nil, targetPadding: Tensor? = nil, isCausal: Bool = false, memory: Tensor? = nil,
        memoryPadding: Tensor? = nil
    ) {
        (self.target, self.targetPadding, self.isCausal) = (target, targetPadding, isCausal)
        (self.memory, self.memoryPadding) = (memory, memoryPadding)
    }
}

/// A layer of a transformer's decoder: attention to itself, attention to the encoder's output (the memory), then two dense layers
/// at every position; each added to its input and normalised as in `TransformerEncoderLayer`.
///
/// ## Shapes
/// - target `[targets, batch, width]`, memory `[positions, batch, width]` → `[targets, batch, width]`; batch first with
///   `batchFirst`
/// - parameters under the names of torch.nn.TransformerDecoderLayer: `self_attn`, `multihead_attn`, `linear1`, `norm1`, ...
///
/// Source: A. Vaswani et al. (2017).
public final class TransformerDecoderLayer: Module {
    /// The attention of the target to itself.
    public let selfAttention: MultiheadAttention
    /// The attention of the target to the memory.
    public let memoryAttention: MultiheadAttention
    /// The normalisation that belongs to the attention of the target to itself.
    public let norm1: LayerNorm
    /// The normalisation that belongs to the attention to the memory.
    public let norm2: LayerNorm
    private let dropout1: Dropout
    private let dropout2: Dropout
    private let feedforward: TransformerFeedforward
    /// Whether normalisations stand before attention and dense layers, and not after the additions.
    public let normFirst: Bool

    /// Starting values, defaults and parameters are those of `TransformerEncoderLayer`.
    public init(
        _ width: Int, heads: Int, feedforward: Int = 2048, dropout: Double = 0.1, activation: any Layer = ReLU(),
        epsilon: Double = 1e-5, normFirst: Bool = false, batchFirst: Bool = false, bias: Bool = true
    ) {
        selfAttention = MultiheadAttention(width, heads: heads, dropout: dropout, bias: bias, batchFirst: batchFirst)
        memoryAttention = MultiheadAttention(width, heads: heads, dropout: dropout, bias: bias, batchFirst: batchFirst)
        norm1 = LayerNorm([width], epsilon: epsilon, bias: bias)
        norm2 = LayerNorm([width], epsilon: epsilon, bias: bias)
        (dropout1, dropout2) = (Dropout(dropout), Dropout(dropout))
        self.feedforward = TransformerFeedforward(
            width, feedforward, dropout: dropout, activation, epsilon: epsilon, bias: bias)
        self.normFirst = normFirst
    }

    /// The parts, under PyTorch's names.
    public var members: [(name: String, value: Any)] {
        [
            ("self_attn", selfAttention), ("multihead_attn", memoryAttention), ("norm1", norm1), ("norm2", norm2),
            ("dropout1", dropout1), ("dropout2", dropout2),
        ] + feedforward.members(norm: "norm3")
    }

    /// The layer's output for a target, which looks at the memory.
    public func callAsFunction(
        _ target: Tensor, memory: Tensor, masks: TransformerMasks = TransformerMasks()
    ) -> Tensor {
        let own = added(target, norm1, first: normFirst) { x in
            dropout1(
                selfAttention(x, mask: masks.target, keyPadding: masks.targetPadding, isCausal: masks.isCausal))
        }
        let looked = added(own, norm2, first: normFirst) { x in
            dropout2(memoryAttention(x, memory, memory, mask: masks.memory, keyPadding: masks.memoryPadding))
        }
        return added(looked, feedforward.norm, first: normFirst) { feedforward($0) }
    }
}

/// Decoder layers one after the other, and a normalisation at the end where there is one.
///
/// ## Shapes
/// - target `[targets, batch, width]`, memory `[positions, batch, width]` → `[targets, batch, width]`, or batch first as the
///   layers are
public final class TransformerDecoder: Module {
    /// The layers, in the order they run.
    public let layers: [TransformerDecoderLayer]
    /// What stands at the end: needed where the layers normalise first.
    public let norm: LayerNorm?

    /// A decoder of these layers, each with parameters of its own.
    public init(_ layers: [TransformerDecoderLayer], norm: LayerNorm? = nil) {
        (self.layers, self.norm) = (layers, norm)
    }

    /// The last layer's output for a target, which looks at the memory.
    public func callAsFunction(
        _ target: Tensor, memory: Tensor, masks: TransformerMasks = TransformerMasks()
    ) -> Tensor {
        let y = layers.reduce(target) { $1($0, memory: memory, masks: masks) }
        return norm?(y) ?? y
    }
}
