import MartletGraph
import MartletTensor

/// (prediction - target)², reduced as `reduction` says; the shapes must be equal and not empty.
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

/// ½·d² / beta where d = |prediction - target| is below `beta`, else d - ½·beta; where `beta` is 0 the absolute error.
public func smoothL1Loss(_ prediction: Tensor, _ target: Tensor, beta: Double = 1, reduction: Reduction = .mean)
    -> Tensor
{
    checked("smoothL1Loss", prediction, target)
    let distance = (full(prediction) - full(target)).abs()
    // Nothing is below 0, and the branch not taken would divide by it: its derivative is 0·∞.
    guard beta != 0 else { return reduced(distance, reduction) }
    return reduced(`where`(distance .< beta, 0.5 * distance.square() / beta, distance - 0.5 * beta), reduction)
}
