import MartletGraph

// Pooling over one to three spatial axes: channels before space, the batch axis may be missing. Strides default to the
// kernel; a list of one number counts for all axes.

/// The largest element of each window of one axis.
///
/// ## Shapes
/// - `[batch, channels, length]` → `[batch, channels, ⌊(length + 2·padding - dilation·(kernel - 1) - 1) / stride⌋ + 1]`,
///   rounded up with `ceilMode`
public func maxPool1d(
    _ x: Tensor, kernelSize: Int, stride: Int? = nil, padding: Int = 0, dilation: Int = 1, ceilMode: Bool = false
) -> Tensor {
    maxPool1dWithIndices(
        x, kernelSize: kernelSize, stride: stride, padding: padding, dilation: dilation, ceilMode: ceilMode
    ).values
}

/// `maxPool1d`, and where each window's largest element stands along the axis (int32).
public func maxPool1dWithIndices(
    _ x: Tensor, kernelSize: Int, stride: Int? = nil, padding: Int = 0, dilation: Int = 1, ceilMode: Bool = false
) -> (values: Tensor, indices: Tensor) {
    maxPooled("maxPool1d", x, [kernelSize], stride.map { [$0] }, [padding], [dilation], ceilMode)
}

/// The largest element of each window of an image; the first of equals, NaN before all.
///
/// ## Shapes
/// - `[batch, channels, height, width]` → `[batch, channels,
///   ⌊(height + 2·padding - dilation·(kernel - 1) - 1) / stride⌋ + 1, ...]`, rounded up with `ceilMode`
public func maxPool2d(
    _ x: Tensor, kernelSize: [Int], stride: [Int]? = nil, padding: [Int] = [0], dilation: [Int] = [1],
    ceilMode: Bool = false
) -> Tensor {
    maxPool2dWithIndices(
        x, kernelSize: kernelSize, stride: stride, padding: padding, dilation: dilation, ceilMode: ceilMode
    ).values
}

/// `maxPool2d` with square windows.
public func maxPool2d(
    _ x: Tensor, kernelSize: Int, stride: Int? = nil, padding: Int = 0, dilation: Int = 1, ceilMode: Bool = false
) -> Tensor {
    maxPool2d(
        x, kernelSize: [kernelSize], stride: stride.map { [$0] }, padding: [padding], dilation: [dilation],
        ceilMode: ceilMode)
}

/// `maxPool2d`, and where each window's largest element stands in its plane, row by row (int32).
public func maxPool2dWithIndices(
    _ x: Tensor, kernelSize: [Int], stride: [Int]? = nil, padding: [Int] = [0], dilation: [Int] = [1],
    ceilMode: Bool = false
) -> (values: Tensor, indices: Tensor) {
    maxPooled("maxPool2d", x, spatial(kernelSize, 2, "maxPool2d"), stride, padding, dilation, ceilMode)
}

/// The largest element of each window of three axes.
///
/// ## Shapes
/// - `[batch, channels, depth, height, width]` → `[batch, channels, outputs...]`, sized as `maxPool2d`'s
public func maxPool3d(
    _ x: Tensor, kernelSize: [Int], stride: [Int]? = nil, padding: [Int] = [0], dilation: [Int] = [1],
    ceilMode: Bool = false
) -> Tensor {
    maxPool3dWithIndices(
        x, kernelSize: kernelSize, stride: stride, padding: padding, dilation: dilation, ceilMode: ceilMode
    ).values
}

/// `maxPool3d`, and where each window's largest element stands in its volume, row by row (int32).
public func maxPool3dWithIndices(
    _ x: Tensor, kernelSize: [Int], stride: [Int]? = nil, padding: [Int] = [0], dilation: [Int] = [1],
    ceilMode: Bool = false
) -> (values: Tensor, indices: Tensor) {
    maxPooled("maxPool3d", x, spatial(kernelSize, 3, "maxPool3d"), stride, padding, dilation, ceilMode)
}

/// The average of each window of one axis; with `countIncludePad` the zeros of the padding count.
///
/// ## Shapes
/// - `[batch, channels, length]` → `[batch, channels, ⌊(length + 2·padding - kernel) / stride⌋ + 1]`, rounded up with
///   `ceilMode`
public func avgPool1d(
    _ x: Tensor, kernelSize: Int, stride: Int? = nil, padding: Int = 0, ceilMode: Bool = false,
    countIncludePad: Bool = true
) -> Tensor {
    averagePooled(x, [kernelSize], stride.map { [$0] }, [padding], ceilMode, countIncludePad)
}

/// The average of each window of an image; with `countIncludePad` the zeros of the padding count.
///
/// ## Shapes
/// - `[batch, channels, height, width]` → `[batch, channels, ⌊(height + 2·padding - kernel) / stride⌋ + 1, ...]`,
///   rounded up with `ceilMode`
public func avgPool2d(
    _ x: Tensor, kernelSize: [Int], stride: [Int]? = nil, padding: [Int] = [0], ceilMode: Bool = false,
    countIncludePad: Bool = true
) -> Tensor {
    averagePooled(x, spatial(kernelSize, 2, "avgPool2d"), stride, padding, ceilMode, countIncludePad)
}

/// `avgPool2d` with square windows.
public func avgPool2d(
    _ x: Tensor, kernelSize: Int, stride: Int? = nil, padding: Int = 0, ceilMode: Bool = false,
    countIncludePad: Bool = true
) -> Tensor {
    avgPool2d(
        x, kernelSize: [kernelSize], stride: stride.map { [$0] }, padding: [padding], ceilMode: ceilMode,
        countIncludePad: countIncludePad)
}

/// The average of each window of three axes.
///
/// ## Shapes
/// - `[batch, channels, depth, height, width]` → `[batch, channels, outputs...]`, sized as `avgPool2d`'s
public func avgPool3d(
    _ x: Tensor, kernelSize: [Int], stride: [Int]? = nil, padding: [Int] = [0], ceilMode: Bool = false,
    countIncludePad: Bool = true
) -> Tensor {
    averagePooled(x, spatial(kernelSize, 3, "avgPool3d"), stride, padding, ceilMode, countIncludePad)
}

/// Averages over `outputSize` windows along one axis: window i covers ⌊i·length/count⌋ ..< ⌈(i + 1)·length/count⌉.
///
/// ## Shapes
/// - `[batch, channels, length]` → `[batch, channels, outputSize]`
public func adaptiveAvgPool1d(_ x: Tensor, outputSize: Int) -> Tensor { adaptivelyPooled(x, [outputSize]) }

/// Averages over `outputSize` windows along height and width, or one number for both.
///
/// ## Shapes
/// - `[batch, channels, height, width]` → `[batch, channels] + outputSize`
public func adaptiveAvgPool2d(_ x: Tensor, outputSize: [Int]) -> Tensor {
    adaptivelyPooled(x, spatial(outputSize, 2, "adaptiveAvgPool2d"))
}

/// Averages over `outputSize` windows along depth, height and width, or one number for all.
///
/// ## Shapes
/// - `[batch, channels, depth, height, width]` → `[batch, channels] + outputSize`
public func adaptiveAvgPool3d(_ x: Tensor, outputSize: [Int]) -> Tensor {
    adaptivelyPooled(x, spatial(outputSize, 3, "adaptiveAvgPool3d"))
}

/// One number an axis, where a single one counts for all.
private func spatial(_ sizes: [Int], _ dimensions: Int, _ operation: String) -> [Int] {
    if sizes.count == dimensions { return sizes }
    guard sizes.count == 1 else {
        stop("\(operation): \(sizes) needs one number, or one for each of \(dimensions) axes")
    }
    return Array(repeating: sizes[0], count: dimensions)
}

private func maxPooled(
    _ operation: String, _ x: Tensor, _ kernel: [Int], _ stride: [Int]?, _ padding: [Int], _ dilation: [Int],
    _ ceilMode: Bool
) -> (values: Tensor, indices: Tensor) {
    do throws(ShapeError) {
        let (values, indices) = try x.value.maxPool(
            kernel, strides: stride, padding: padding, dilations: dilation, ceilMode: ceilMode)
        return (Tensor(values), Tensor(indices))
    } catch { stop("\(operation): \(error.description)") }
}

private func averagePooled(
    _ x: Tensor, _ kernel: [Int], _ stride: [Int]?, _ padding: [Int], _ ceilMode: Bool, _ countIncludePad: Bool
) -> Tensor {
    Tensor.recording { () throws(ShapeError) in
        try x.value.averagePool(
            kernel, strides: stride, padding: padding, ceilMode: ceilMode, countIncludePad: countIncludePad)
    }
}

private func adaptivelyPooled(_ x: Tensor, _ sizes: [Int]) -> Tensor {
    Tensor.recording { () throws(ShapeError) in try x.value.adaptiveAveragePool(sizes) }
}
