import MartletGraph
import MartletTensor

private func checked(_ operation: String, _ prediction: Tensor, _ target: Tensor) {
    guard prediction.shape == target.shape, prediction.elementCount > 0 else {
        stop("\(operation): shapes \(prediction.shape) and \(target.shape) must be equal and not empty")
    }
}

/// What a loss is computed from: in float32 at least under `autocast`.
private func full(_ x: Tensor) -> Tensor { Tensor(x.value.forLoss) }

private func reduced(_ losses: Tensor, _ reduction: Reduction) -> Tensor {
    switch reduction {
    case .mean: losses.mean()
    case .sum: losses.sum()
    case .none: losses
    }
}

/// (full(prediction) - full(target))², reduced as `reduction` says; the shapes must be equal and not empty.
public func meanSquaredError(_ prediction: Tensor, _ target: Tensor, reduction: Reduction = .mean) -> Tensor {
    checked("meanSquaredError", prediction, target)
    return reduced((full(prediction) - full(target)).square(), reduction)
}

/// |prediction - target|, reduced as `reduction` says; the shapes must be equal and not empty.
public func meanAbsoluteError(_ prediction: Tensor, _ target: Tensor, reduction: Reduction = .mean) -> Tensor {
    checked("meanAbsoluteError", prediction, target)
    return reduced((full(prediction) - full(target)).abs(), reduction)
}

/// ½·d² where d = |prediction - target| is below `delta`, else delta·(d - ½·delta).
public func huberLoss(_ prediction: Tensor, _ target: Tensor, delta: Double = 1, reduction: Reduction = .mean) -> Tensor
{
    checked("huberLoss", prediction, target)
    let distance = (full(prediction) - full(target)).abs()
    return reduced(`where`(distance .< delta, 0.5 * distance.square(), delta * (distance - 0.5 * delta)), reduction)
}

/// The binary cross entropy of logits and targets in [0, 1], without overflow.
///
///     softplus(x) - x·t          with `positiveWeight` w: (1 - t)·x + (1 + (w - 1)·t)·softplus(-x)
public func binaryCrossEntropyWithLogits(
    _ logits: Tensor, _ targets: Tensor, positiveWeight: Tensor? = nil, reduction: Reduction = .mean
) -> Tensor {
    checked("binaryCrossEntropyWithLogits", logits, targets)
    let logits = full(logits)
    let target = targets.to(dtype: logits.dtype)
    guard let positiveWeight else {
        return reduced(softplus(logits) - logits * target, reduction)
    }
    let factor = 1 + (positiveWeight - 1) * target
    return reduced((1 - target) * logits + factor * softplus(-logits), reduction)
}

/// ½·d² / beta where d = |prediction - target| is below `beta`, else d - ½·beta.
public func smoothL1Loss(_ prediction: Tensor, _ target: Tensor, beta: Double = 1, reduction: Reduction = .mean)
    -> Tensor
{
    checked("smoothL1Loss", prediction, target)
    let distance = (full(prediction) - full(target)).abs()
    return reduced(`where`(distance .< beta, 0.5 * distance.square() / beta, distance - 0.5 * beta), reduction)
}

/// The Kullback-Leibler divergence of targets from log-probabilities: t·(ln t - x), 0 where t is 0.
///
/// `.mean` divides by the batch, as the definition wants ("batchmean" in PyTorch).
public func klDivergence(_ logProbabilities: Tensor, _ targets: Tensor, reduction: Reduction = .mean) -> Tensor {
    checked("klDivergence", logProbabilities, targets)
    let terms = `where`(targets .> 0, targets * (targets.log() - full(logProbabilities)), Tensor.zeros(like: targets))
    switch reduction {
    case .mean: return terms.sum() / Double(targets.shape.first ?? 1)
    case .sum: return terms.sum()
    case .none: return terms
    }
}

/// -xᵢ at the label of each row of log-probabilities.
///
/// ## Shapes
/// - log-probabilities `[batch, classes]`, integer labels `[batch]`
public func negativeLogLikelihood(_ logProbabilities: Tensor, _ labels: Tensor, reduction: Reduction = .mean) -> Tensor
{
    guard logProbabilities.rank == 2, labels.shape.sizes == [logProbabilities.shape[0]], labels.elementCount > 0 else {
        stop(
            "negativeLogLikelihood: shapes \(logProbabilities.shape) and \(labels.shape); [batch, classes] and [batch] are expected"
        )
    }
    IndexCheck.check("negativeLogLikelihood", "label", labels, below: logProbabilities.shape[1], ignoring: nil)
    let picked = full(logProbabilities).gather(axis: 1, indices: labels.to(dtype: .int64).unsqueeze(axis: 1)).squeeze(
        axis: 1)
    return reduced(-picked, reduction)
}
