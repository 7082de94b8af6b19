// Power means without the mean: (Σ xᵖ)^(1/p) over each window.

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

/// A negative sum, which an odd power can give, has no root and counts as 0, as in PyTorch.
private func root(_ mean: Tensor, _ power: Double, _ count: Int) -> Tensor {
    guard power > 0 else { stop("lpPool: the power is \(power); a positive one is expected") }
    return (relu(mean) * Double(count)).pow(1 / power)
}
