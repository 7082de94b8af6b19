import MartletGraph
import MartletTensor

/// Attention: each query's weighted mean of the values, weighted by how well their keys fit it.
///
///     softmax(Q·Kᵀ·scale + mask)·V          scale = 1/√width
///
/// A query that may look at no key gets zeros.
///
/// - Parameters:
///   - query: `[..., queries, width]`.
///   - key: `[..., keys, width]`.
///   - value: `[..., keys, value width]`.
///   - mask: Boolean, true where a query may look at a key, or numbers that are added to Q·Kᵀ·scale; broadcast to
///     `[..., queries, keys]`.
///   - isCausal: whether query i looks at keys 0...i alone.
///   - dropout: the probability with which weights become 0; 0 outside training.
///   - scale: what Q·Kᵀ is multiplied by.
/// - Returns: `[..., queries, value width]`.
///
/// Source: A. Vaswani et al., "Attention is all you need" (2017).
public func scaledDotProductAttention(
    _ query: Tensor, _ key: Tensor, _ value: Tensor, mask: Tensor? = nil, isCausal: Bool = false, dropout: Double = 0,
    scale: Double? = nil
) -> Tensor {
    let weights = attentionWeights(query, key, mask: mask, isCausal: isCausal, scale: scale)
    return matmul(dropout > 0 ? MartletNN.dropout(weights, probability: dropout) : weights, value)
}

/// softmax(Q·Kᵀ·scale + mask), `[..., queries, keys]`.
func attentionWeights(
    _ query: Tensor, _ key: Tensor, mask: Tensor?, isCausal: Bool, scale: Double?
) -> Tensor {
    guard query.rank >= 2, key.rank >= 2, let width = query.shape.last, width == key.shape.last else {
        stop(
            "scaledDotProductAttention: queries [..., count, width] and keys [..., count, width] are expected, the shapes are "
                + "\(query.shape) and \(key.shape)")
    }
    let scale = scale ?? 1 / Double(max(1, width)).squareRoot()
    var scores = matmul(query * scale, key.transpose())
    if let mask { scores = masked(scores, by: mask) }
    if isCausal {
        let (queries, keys) = (scores.shape[scores.rank - 2], scores.shape[scores.rank - 1])
        let row = Value.iota([queries, keys], axis: 0)
        scores = masked(scores, by: Tensor(Value.iota([queries, keys], axis: 1) .<= row))
    }
    guard mask != nil else { return scores.softmax() }
    // The largest power is 1, so that a sum below 1 is that of a row without a key.
    let value = scores.value.forStatistics
    let last = value.rank - 1
    let powers = (value - value.finiteMaximum([last])).applying(.exp)
    let sum = powers.sum([last], keeping: true)
    return Tensor((powers / sum.maximum(sum.constant(0.5))).cast(to: scores.value.lossType))
}

/// Scores with -∞ where a Boolean mask is false, or with a mask of numbers added.
private func masked(_ scores: Tensor, by mask: Tensor) -> Tensor {
    guard mask.dtype == .bool else { return scores + mask.to(dtype: scores.dtype) }
    return `where`(mask, scores, Tensor(scores.value.constant(-.infinity)))
}
