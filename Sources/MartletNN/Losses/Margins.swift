import MartletGraph
import MartletTensor

// Losses that are 0 where a margin is kept.

/// max(0, 1 - t·x), or its square, of scores and targets -1 or 1: what a support vector machine minimizes.
///
/// Source: C. Cortes and V. Vapnik, "Support-vector networks" (1995).
public func hingeLoss(
    _ scores: Tensor, _ targets: Tensor, isSquared: Bool = false, reduction: Reduction = .mean
) -> Tensor {
    checked("hingeLoss", scores, targets)
    let x = full(scores)
    let short = relu(1 - x * targets.to(dtype: x.dtype))
    return reduced(isSquared ? short.square() : short, reduction)
}

/// Distances x that should be small where the target is 1, and at least `margin` where it is -1.
///
///     x where t = 1, max(0, margin - x) where t = -1
public func hingeEmbeddingLoss(
    _ distances: Tensor, _ targets: Tensor, margin: Double = 1, reduction: Reduction = .mean
) -> Tensor {
    checked("hingeEmbeddingLoss", distances, targets)
    let x = full(distances)
    return reduced(`where`(targets .> 0, x, relu(margin - x)), reduction)
}

/// ln(1 + e^(-t·x)) of scores and targets -1 or 1.
public func softMarginLoss(_ scores: Tensor, _ targets: Tensor, reduction: Reduction = .mean) -> Tensor {
    checked("softMarginLoss", scores, targets)
    let x = full(scores)
    return reduced(softplus(-(x * targets.to(dtype: x.dtype))), reduction)
}

/// Scores of classes of which the label's should be the largest, by a margin.
///
///     wᵧ · Σ_{j≠y} max(0, margin - xᵧ + xⱼ)^power / classes
///
/// ## Shapes
/// - scores `[batch, classes]`, integer labels `[batch]`, weights `[classes]`; result `[]`, or `[batch]`
///
/// Source: K. Crammer and Y. Singer (2001), in the form of torch.nn.MultiMarginLoss.
public func multiMarginLoss(
    _ scores: Tensor, _ labels: Tensor, power: Int = 1, margin: Double = 1, weights: Tensor? = nil,
    reduction: Reduction = .mean
) -> Tensor {
    guard scores.rank == 2, labels.shape.sizes == [scores.shape[0]], scores.elementCount > 0, power == 1 || power == 2
    else {
        stop(
            "multiMarginLoss: scores [batch, classes], labels [batch] and a power 1 or 2 are expected, not \(scores.shape), "
                + "\(labels.shape) and \(power)")
    }
    IndexCheck.check("multiMarginLoss", "label", labels, below: scores.shape[1], ignoring: nil)
    let x = full(scores)
    let index = labels.to(dtype: .int64)
    let short = relu(margin - x.gather(axis: 1, indices: index.unsqueeze(axis: 1)) + x)
    let terms = power == 2 ? short.square() : short
    let others = 1 - index.oneHot(classes: scores.shape[1], dtype: x.dtype)
    var losses = (terms * others).sum(axis: 1) / Double(scores.shape[1])
    if let weights { losses = losses * weights.to(dtype: x.dtype).take(index) }
    return reduced(losses, reduction)
}

/// Pairs of scores of which the first should be larger by a margin where the target is 1, the second where it is -1.
///
///     max(0, margin - t·(x₁ - x₂))
public func marginRankingLoss(
    _ first: Tensor, _ second: Tensor, _ targets: Tensor, margin: Double = 0, reduction: Reduction = .mean
) -> Tensor {
    checked("marginRankingLoss", first, second)
    checked("marginRankingLoss", first, targets)
    let difference = full(first) - full(second)
    return reduced(relu(margin - difference * targets.to(dtype: difference.dtype)), reduction)
}

/// Anchors that should be nearer to what is like them than to what is not, by a margin.
///
///     max(0, ‖a - p‖ - ‖a - n‖ + margin)          ‖d‖ = (Σ |dᵢ + ε|^power)^(1/power) over the last axis
///
/// With `swaps` ‖p - n‖ takes the place of ‖a - n‖ where it is smaller.
///
/// ## Shapes
/// - all `[..., width]`; result `[]`, or `[...]`
///
/// Source: V. Balntas et al., "Learning shallow convolutional feature descriptors with triplet losses" (2016).
public func tripletMarginLoss(
    anchor: Tensor, positive: Tensor, negative: Tensor, margin: Double = 1, power: Double = 2, epsilon: Double = 1e-6,
    swaps: Bool = false, reduction: Reduction = .mean
) -> Tensor {
    checked("tripletMarginLoss", anchor, positive)
    checked("tripletMarginLoss", anchor, negative)
    guard anchor.rank > 0, power > 0 else { stop("tripletMarginLoss: vectors and a positive power are expected") }
    func distance(_ a: Tensor, _ b: Tensor) -> Tensor {
        (full(a) - full(b) + epsilon).abs().pow(power).sum(axis: -1).pow(1 / power)
    }
    let near = distance(anchor, positive)
    var far = distance(anchor, negative)
    if swaps { far = minimum(far, distance(positive, negative)) }
    return reduced(relu(near - far + margin), reduction)
}

/// Pairs of vectors that should point one way where the target is 1, and not where it is -1.
///
///     1 - cos(x₁, x₂) where t = 1, max(0, cos(x₁, x₂) - margin) where t = -1
///
/// ## Shapes
/// - vectors `[batch, width]`, targets `[batch]`; result `[]`, or `[batch]`
public func cosineEmbeddingLoss(
    _ first: Tensor, _ second: Tensor, _ targets: Tensor, margin: Double = 0, reduction: Reduction = .mean
) -> Tensor {
    checked("cosineEmbeddingLoss", first, second)
    guard first.rank == 2, targets.shape.sizes == [first.shape[0]] else {
        stop(
            "cosineEmbeddingLoss: vectors [batch, width] and targets [batch] are expected, not \(first.shape) and \(targets.shape)"
        )
    }
    let (a, b) = (full(first), full(second))
    // As PyTorch keeps the root off 0.
    let lengths = (a.square().sum(axis: 1) + 1e-12) * (b.square().sum(axis: 1) + 1e-12)
    let cosine = (a * b).sum(axis: 1) * lengths.rsqrt()
    return reduced(`where`(targets .> 0, 1 - cosine, relu(cosine - margin)), reduction)
}
