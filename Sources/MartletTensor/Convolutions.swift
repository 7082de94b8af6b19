import MartletGraph

/// How a convolution treats the border of its input.
public enum Padding: Sendable, Hashable, ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral {
    /// As many zeros on both sides of each spatial axis; one number counts for all axes.
    case zeros([Int])
    /// As many zeros as keep the size with stride 1, the odd one at the high end; needs stride 1.
    case same

    public init(integerLiteral value: Int) { self = .zeros([value]) }
    public init(arrayLiteral elements: Int...) { self = .zeros(elements) }
    /// No padding.
    public static let valid = Padding.zeros([0])

    /// Zeros before and after each axis.
    package func resolved(kernel: [Int], dilation: [Int], stride: [Int]) throws(ShapeError) -> (low: [Int], high: [Int])
    {
        switch self {
        case .zeros(let counts): return (counts, counts)
        case .same:
            guard stride.allSatisfy({ $0 == 1 }) else {
                throw ShapeError("convolution", "padding .same needs stride 1, not \(stride)")
            }
            let total = kernel.indices.map { (dilation.count == 1 ? dilation[0] : dilation[$0]) * (kernel[$0] - 1) }
            return (total.map { $0 / 2 }, total.map { $0 - $0 / 2 })
        }
    }
}

private func convolved(
    _ operation: String, _ dimensions: Int, _ x: Tensor, _ weight: Tensor, _ bias: Tensor?, _ stride: [Int],
    _ padding: Padding, _ dilation: [Int], _ groups: Int
) -> Tensor {
    Tensor.recording { () throws(ShapeError) in
        guard weight.rank == dimensions + 2 else {
            throw ShapeError(
                operation, "the weight needs \(dimensions + 2) axes [out channels, channels / groups, kernel...]",
                shapes: [x.shape, weight.shape])
        }
        let (low, high) = try padding.resolved(
            kernel: Array(weight.shape.sizes.dropFirst(2)), dilation: dilation, stride: stride)
        return try x.value.convolution(
            weight.value, bias: bias?.value, strides: stride, paddingLow: low, paddingHigh: high, dilations: dilation,
            groups: groups)
    }
}

/// A convolution over one axis: `[batch, channels, length]` and a weight `[out channels, channels / groups, kernel]`.
public func conv1d(
    _ x: Tensor, _ weight: Tensor, bias: Tensor? = nil, stride: Int = 1, padding: Padding = 0, dilation: Int = 1,
    groups: Int = 1
) -> Tensor {
    convolved("conv1d", 1, x, weight, bias, [stride], padding, [dilation], groups)
}

/// A convolution (cross-correlation) over images.
///
///     y[b, o, i, j] = Σ_{c, u, v} x[b, c, i·stride + u·dilation - padding, j·stride + v·dilation - padding] · w[o, c, u, v] + bias[o]
///
/// ## Shapes
/// - x `[batch, channels, height, width]` (the batch axis may be missing), weight `[out channels, channels / groups, kernel
///   height, kernel width]`, bias `[out channels]`
/// - result `[batch, out channels, ⌊(height + 2·padding - dilation·(kernel - 1) - 1) / stride⌋ + 1, ...]`
public func conv2d(
    _ x: Tensor, _ weight: Tensor, bias: Tensor? = nil, stride: [Int] = [1], padding: Padding = 0,
    dilation: [Int] = [1], groups: Int = 1
) -> Tensor {
    convolved("conv2d", 2, x, weight, bias, stride, padding, dilation, groups)
}

/// `conv2d` with one stride for both axes.
public func conv2d(
    _ x: Tensor, _ weight: Tensor, bias: Tensor? = nil, stride: Int, padding: Padding = 0, dilation: Int = 1,
    groups: Int = 1
) -> Tensor {
    convolved("conv2d", 2, x, weight, bias, [stride], padding, [dilation], groups)
}

/// A convolution over three axes: `[batch, channels, depth, height, width]`.
public func conv3d(
    _ x: Tensor, _ weight: Tensor, bias: Tensor? = nil, stride: [Int] = [1], padding: Padding = 0,
    dilation: [Int] = [1], groups: Int = 1
) -> Tensor {
    convolved("conv3d", 3, x, weight, bias, stride, padding, dilation, groups)
}

/// A transposed convolution over 1, 2 or 3 axes with a weight `[channels, out channels / groups, kernel...]`.
///
/// ## Shapes
/// - outputs = (size - 1)·stride - 2·padding + dilation·(kernel - 1) + outputPadding + 1
public func convTranspose(
    _ x: Tensor, _ weight: Tensor, bias: Tensor? = nil, stride: [Int] = [1], padding: [Int] = [0],
    outputPadding: [Int] = [0], dilation: [Int] = [1], groups: Int = 1
) -> Tensor {
    Tensor.recording { () throws(ShapeError) in
        try x.value.transposedConvolution(
            weight.value, bias: bias?.value, strides: stride, padding: padding, outputPadding: outputPadding,
            dilations: dilation, groups: groups)
    }
}

// MARK: Pooling: the kernel's length says how many spatial axes there are; strides default to the kernel.

/// The largest element of each window.
///
/// ## Shapes
/// - `[batch, channels, spatial...]` → `[batch, channels, outputs...]`, 1 to 3 spatial axes
public func maxPool(
    _ x: Tensor, kernel: [Int], stride: [Int]? = nil, padding: [Int] = [0], dilation: [Int] = [1],
    ceilMode: Bool = false
) -> Tensor {
    maxPoolWithIndices(x, kernel: kernel, stride: stride, padding: padding, dilation: dilation, ceilMode: ceilMode)
        .values
}

/// The largest element of each window and its position in the input's plane (int32).
public func maxPoolWithIndices(
    _ x: Tensor, kernel: [Int], stride: [Int]? = nil, padding: [Int] = [0], dilation: [Int] = [1],
    ceilMode: Bool = false
) -> (values: Tensor, indices: Tensor) {
    do throws(ShapeError) {
        let (values, indices) = try x.value.maxPool(
            kernel, strides: stride, padding: padding, dilations: dilation, ceilMode: ceilMode)
        return (Tensor(values), Tensor(indices))
    } catch { stop(error.description) }
}

/// `maxPool` over images with square windows.
public func maxPool2d(
    _ x: Tensor, kernelSize: Int, stride: Int? = nil, padding: Int = 0, dilation: Int = 1, ceilMode: Bool = false
) -> Tensor {
    maxPool(
        x, kernel: [kernelSize, kernelSize], stride: stride.map { [$0, $0] }, padding: [padding], dilation: [dilation],
        ceilMode: ceilMode)
}

/// The average of each window; with `countIncludePad`, the zeros of the padding count.
public func avgPool(
    _ x: Tensor, kernel: [Int], stride: [Int]? = nil, padding: [Int] = [0], ceilMode: Bool = false,
    countIncludePad: Bool = true
) -> Tensor {
    Tensor.recording { () throws(ShapeError) in
        try x.value.averagePool(
            kernel, strides: stride, padding: padding, ceilMode: ceilMode, countIncludePad: countIncludePad)
    }
}

/// `avgPool` over images with square windows.
public func avgPool2d(
    _ x: Tensor, kernelSize: Int, stride: Int? = nil, padding: Int = 0, ceilMode: Bool = false,
    countIncludePad: Bool = true
) -> Tensor {
    avgPool(
        x, kernel: [kernelSize, kernelSize], stride: stride.map { [$0, $0] }, padding: [padding], ceilMode: ceilMode,
        countIncludePad: countIncludePad)
}

/// Averages over as many windows as `outputSizes` says, one number a spatial axis.
public func adaptiveAvgPool(_ x: Tensor, outputSizes: [Int]) -> Tensor {
    Tensor.recording { () throws(ShapeError) in try x.value.adaptiveAveragePool(outputSizes) }
}
