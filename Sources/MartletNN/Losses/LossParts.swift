import MartletGraph
import MartletTensor

// What losses share.

/// Stops unless prediction and target have one shape and are not empty.
func checked(_ operation: String, _ prediction: Tensor, _ target: Tensor) {
    guard prediction.shape == target.shape, prediction.elementCount > 0 else {
        stop("\(operation): shapes \(prediction.shape) and \(target.shape) must be equal and not empty")
    }
}

/// What a loss is computed from: in float32 at least under `autocast`.
func full(_ x: Tensor) -> Tensor { Tensor(x.value.forLoss) }

/// The mean, the sum, or all of the losses.
func reduced(_ losses: Tensor, _ reduction: Reduction) -> Tensor {
    switch reduction {
    case .mean: losses.mean()
    case .sum: losses.sum()
    case .none: losses
    }
}
