import MartletGraph
import MartletTensor

// Losses of yes or no.

/// Losses times their weights, where there are some.
private func weighted(_ losses: Tensor, _ weights: Tensor?) -> Tensor {
    weights.map { losses * numbers($0, like: losses) } ?? losses
}

private func numbers(_ x: Tensor, like other: Tensor) -> Tensor { x.to(dtype: other.dtype) }

/// The binary cross entropy of logits and targets in [0, 1], without overflow.
///
/// With `weights`, which broadcast to the losses, each loss counts by its weight; the mean still divides by their number.
///
///     (1 - t)·x + softplus(-x)          with `positiveWeight` w: (1 - t)·x + (1 + (w - 1)·t)·softplus(-x)
public func binaryCrossEntropyWithLogits(
    _ logits: Tensor, _ targets: Tensor, weights: Tensor? = nil, positiveWeight: Tensor? = nil,
    reduction: Reduction = .mean
) -> Tensor {
    checked("binaryCrossEntropyWithLogits", logits, targets)
    let logits = full(logits)
    let target = targets.to(dtype: logits.dtype)
    return reduced(weighted(logisticEntropy(logits, target, positiveWeight), weights), reduction)
}

/// (1 - t)·x + w'·softplus(-x), w' = 1 + (w - 1)·t: what cancels is added first, so that examples of both classes that are right keep
/// their small losses.
private func logisticEntropy(_ x: Tensor, _ t: Tensor, _ positiveWeight: Tensor? = nil) -> Tensor {
    var (rectified, rest) = softplusParts(-x)
    if let positiveWeight {
        let factor = 1 + (positiveWeight - 1) * t
        (rectified, rest) = (factor * rectified, factor * rest)
    }
    return (1 - t) * x + rectified + rest
}

/// The binary cross entropy of probabilities and targets in [0, 1]; take `binaryCrossEntropyWithLogits` where there are logits.
///
///     -(t·ln p + (1 - t)·ln(1 - p))          logarithms no smaller than -100
///
/// With `weights`, which broadcast to the losses, each loss counts by its weight; the mean still divides by their number.
public func binaryCrossEntropy(
    _ probabilities: Tensor, _ targets: Tensor, weights: Tensor? = nil, reduction: Reduction = .mean
) -> Tensor {
    checked("binaryCrossEntropy", probabilities, targets)
    let p = full(probabilities)
    let t = numbers(targets, like: p)
    return reduced(weighted(-(t * boundedLog(p) + (1 - t) * boundedLog(1 - p)), weights), reduction)
}

/// max(ln x, -100), without a derivative where x is 0.
private func boundedLog(_ x: Tensor) -> Tensor {
    let isPositive = x .> 0
    let logarithm = `where`(isPositive, x, Tensor.ones(like: x)).log()
    return `where`(isPositive, logarithm.clipped(low: -100), Tensor(x.value.constant(-100)))
}

/// The focal loss of logits and targets in [0, 1]: cross entropy in which what is already right counts little.
///
///     α'·(1 - p')^γ·crossEntropy          p' = p·t + (1 - p)·(1 - t), α' = α·t + (1 - α)·(1 - t); α' = 1 where α is nil
///
/// Source: T. Lin et al., "Focal loss for dense object detection" (2017), as torchvision.ops.sigmoid_focal_loss.
public func focalLoss(
    _ logits: Tensor, _ targets: Tensor, alpha: Double? = 0.25, gamma: Double = 2, reduction: Reduction = .mean
) -> Tensor {
    checked("focalLoss", logits, targets)
    let x = full(logits)
    let t = numbers(targets, like: x)
    let p = sigmoid(x)
    let entropy = logisticEntropy(x, t)
    let wrong = p * (1 - t) + (1 - p) * t
    let losses = entropy * wrong.pow(gamma)
    guard let alpha else { return reduced(losses, reduction) }
    return reduced((alpha * t + (1 - alpha) * (1 - t)) * losses, reduction)
}

/// The Dice loss of probabilities and targets in [0, 1]: how little two regions overlap, for each channel of each example.
///
///     1 - (2·Σ p·t + smoothing) / (Σ p + Σ t + smoothing)          sums over the spatial axes
///
/// ## Shapes
/// - both `[batch, channels, spatial...]`; result `[]`, or `[batch, channels]` where `reduction` is `.none`
///
/// Source: F. Milletari et al., "V-Net" (2016), with the sums unsquared.
public func diceLoss(
    _ probabilities: Tensor, _ targets: Tensor, smoothing: Double = 1, reduction: Reduction = .mean
) -> Tensor {
    checked("diceLoss", probabilities, targets)
    guard probabilities.rank >= 3 else {
        stop("diceLoss: [batch, channels, spatial...] is expected, the shape is \(probabilities.shape)")
    }
    let p = full(probabilities).flattened(from: 2)
    let t = numbers(targets, like: p).flattened(from: 2)
    let (overlap, total) = ((p * t).sum(axis: 2), p.sum(axis: 2) + t.sum(axis: 2))
    return reduced(1 - (2 * overlap + smoothing) / (total + smoothing), reduction)
}
