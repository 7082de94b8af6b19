import MartletGraph
import MartletTensor

private func checked(_ operation: String, _ prediction: Tensor, _ target: Tensor) {
    guard prediction.shape == target.shape, prediction.elementCount > 0 else {
        stop("\(operation): shapes \(prediction.shape) and \(target.shape) must be equal and not empty")
    }
}

private func reduced(_ losses: Tensor, _ reduction: Reduction) -> Tensor {
    switch reduction {
    case .mean: losses.mean()
    case .sum: losses.sum()
    case .none: losses
    }
}

/// (prediction - target)².
public func meanSquaredError(_ prediction: Tensor, _ target: Tensor, reduction: Reduction = .mean) -> Tensor {
    checked("meanSquaredError", prediction, target)
    return reduced((prediction - target).square(), reduction)
}

/// |prediction - target|.
public func meanAbsoluteError(_ prediction: Tensor, _ target: Tensor, reduction: Reduction = .mean) -> Tensor {
    checked("meanAbsoluteError", prediction, target)
    return reduced((prediction - target).abs(), reduction)
}

/// ½·d² where d = |prediction - target| is below `delta`, else delta·(d - ½·delta).
public func huberLoss(_ prediction: Tensor, _ target: Tensor, delta: Double = 1, reduction: Reduction = .mean) -> Tensor {
    checked("huberLoss", prediction, target)
    let distance = (prediction - target).abs()
    return reduced(`where`(distance .< delta, 0.5 * distance.square(), delta * (distance - 0.5 * delta)), reduction)
}

/// The binary cross entropy of logits and targets in [0, 1], without overflow.
///
///     max(x, 0) - x·t + ln(1 + e^-|x|)          with `positiveWeight` w: (1 - t)·x + (1 + (w - 1)·t)·softplus(-x)
public func binaryCrossEntropyWithLogits(
    _ logits: Tensor, _ targets: Tensor, positiveWeight: Tensor? = nil, reduction: Reduction = .mean
) -> Tensor {
    checked("binaryCrossEntropyWithLogits", logits, targets)
    let target = targets.to(dtype: logits.dtype)
    guard let positiveWeight else {
        let losses = relu(logits) - logits * target + (-logits.abs()).exp().log1p()
        return reduced(losses, reduction)
    }
    let factor = 1 + (positiveWeight - 1) * target
    return reduced((1 - target) * logits + factor * softplus(-logits), reduction)
}
