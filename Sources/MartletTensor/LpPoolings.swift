// Power means without the mean: (Σ xᵖ)^(1/p) over each window, a negative sum's root being minus its size's.

/// (Σ xᵖ)^(1/p) over each window of one axis, `power` being p.
///
/// ## Shapes
/// - `[batch, channels, length]` → `[batch, channels, ⌊(length - kernel) / stride⌋ + 1]`, rounded up with `ceilMode`
public func lpPool1d(_ x: Tensor, power: Double, kernelSize: Int, stride: Int? = nil, ceilMode: Bool = false) -> Tensor
{
    root(avgPool1d(x.pow(power), kernelSize: kernelSize, stride: stride, ceilMode: ceilMode), power, kernelSize)
}

/// (Σ xᵖ)^(1/p) over each square window of an image, `power` being p.
///
/// ## Shapes
/// - `[batch, channels, height, width]` → `[batch, channels, ⌊(height - kernel) / stride⌋ + 1, ...]`, rounded up with
///   `ceilMode`
public func lpPool2d(_ x: Tensor, power: Double, kernelSize: Int, stride: Int? = nil, ceilMode: Bool = false) -> Tensor
{
    let mean = avgPool2d(x.pow(power), kernelSize: kernelSize, stride: stride, ceilMode: ceilMode)
    return root(mean, power, kernelSize * kernelSize)
}

/// (Σ xᵖ)^(1/p) over each cubic window of three axes, `power` being p.
///
/// ## Shapes
/// - `[batch, channels, depth, height, width]` → `[batch, channels, outputs...]`, sized as `lpPool2d`'s
public func lpPool3d(_ x: Tensor, power: Double, kernelSize: Int, stride: Int? = nil, ceilMode: Bool = false) -> Tensor
{
    let mean = avgPool3d(
        x.pow(power), kernelSize: [kernelSize], stride: stride.map { [$0] }, ceilMode: ceilMode)
    return root(mean, power, kernelSize * kernelSize * kernelSize)
}

/// sign(s)·|s|^(1/p) of the sum s: an odd power can give a negative one. Nothing flows back from a sum of 0.
private func root(_ mean: Tensor, _ power: Double, _ count: Int) -> Tensor {
    guard power > 0 else { stop("lpPool: the power is \(power); a positive one is expected") }
    // |s| is never negative: the rectifier keeps the root's infinite derivative at 0 from what is before it.
    return mean.sign() * (relu(mean.abs()) * Double(count)).pow(1 / power)
}
