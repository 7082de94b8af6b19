import MartletGraph

// Convolutions over one to three spatial axes, as PyTorch defines them: cross-correlations, channels before space.

/// A convolution over one axis.
///
///     y[b, o, i] = Σ_{c, u} x[b, c, i·stride + u·dilation - padding] · w[o, c, u] + bias[o]
///
/// ## Shapes
/// - x `[batch, channels, length]` (the batch axis may be missing), weight `[out channels, channels / groups, kernel]`,
///   bias `[out channels]`
/// - result `[batch, out channels, ⌊(length + 2·padding - dilation·(kernel - 1) - 1) / stride⌋ + 1]`
public func conv1d(
    _ x: Tensor, _ weight: Tensor, bias: Tensor? = nil, stride: Int = 1, padding: Padding = 0, dilation: Int = 1,
    groups: Int = 1
) -> Tensor {
    convolved("conv1d", 1, x, weight, bias, [stride], padding, [dilation], groups)
}

/// A convolution over images.
///
///     y[b, o, i, j] = Σ_{c, u, v} x[b, c, i·stride + u·dilation - padding, j·stride + v·dilation - padding] · w[o, c, u, v]
///                     + bias[o]
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

/// `conv2d` with one stride and one dilation for both axes.
public func conv2d(
    _ x: Tensor, _ weight: Tensor, bias: Tensor? = nil, stride: Int, padding: Padding = 0, dilation: Int = 1,
    groups: Int = 1
) -> Tensor {
    convolved("conv2d", 2, x, weight, bias, [stride], padding, [dilation], groups)
}

/// A convolution over three axes, by the formula of `conv2d`.
///
/// ## Shapes
/// - x `[batch, channels, depth, height, width]` (the batch axis may be missing), weight `[out channels, channels / groups,
///   kernel depth, kernel height, kernel width]`, bias `[out channels]`
public func conv3d(
    _ x: Tensor, _ weight: Tensor, bias: Tensor? = nil, stride: [Int] = [1], padding: Padding = 0,
    dilation: [Int] = [1], groups: Int = 1
) -> Tensor {
    convolved("conv3d", 3, x, weight, bias, stride, padding, dilation, groups)
}

/// A transposed convolution over one axis: the derivative of `conv1d` by its input.
///
/// ## Shapes
/// - x `[batch, channels, length]` (the batch axis may be missing), weight `[channels, out channels / groups, kernel]`,
///   bias `[out channels]`
/// - result `[batch, out channels, (length - 1)·stride - 2·padding + dilation·(kernel - 1) + outputPadding + 1]`
public func convTranspose1d(
    _ x: Tensor, _ weight: Tensor, bias: Tensor? = nil, stride: Int = 1, padding: Int = 0, outputPadding: Int = 0,
    dilation: Int = 1, groups: Int = 1
) -> Tensor {
    transposeConvolved(
        "convTranspose1d", 1, x, weight, bias, [stride], [padding], [outputPadding], [dilation], groups)
}

/// A transposed convolution over images: the derivative of `conv2d` by its input.
///
/// ## Shapes
/// - x `[batch, channels, height, width]` (the batch axis may be missing), weight `[channels, out channels / groups, kernel
///   height, kernel width]`, bias `[out channels]`
/// - result `[batch, out channels, (height - 1)·stride - 2·padding + dilation·(kernel - 1) + outputPadding + 1, ...]`
public func convTranspose2d(
    _ x: Tensor, _ weight: Tensor, bias: Tensor? = nil, stride: [Int] = [1], padding: [Int] = [0],
    outputPadding: [Int] = [0], dilation: [Int] = [1], groups: Int = 1
) -> Tensor {
    transposeConvolved("convTranspose2d", 2, x, weight, bias, stride, padding, outputPadding, dilation, groups)
}

/// A transposed convolution over three axes: the derivative of `conv3d` by its input.
///
/// ## Shapes
/// - x `[batch, channels, depth, height, width]` (the batch axis may be missing), weight `[channels, out channels / groups,
///   kernel depth, kernel height, kernel width]`, bias `[out channels]`
public func convTranspose3d(
    _ x: Tensor, _ weight: Tensor, bias: Tensor? = nil, stride: [Int] = [1], padding: [Int] = [0],
    outputPadding: [Int] = [0], dilation: [Int] = [1], groups: Int = 1
) -> Tensor {
    transposeConvolved("convTranspose3d", 3, x, weight, bias, stride, padding, outputPadding, dilation, groups)
}

/// How a convolution treats the border of its input.
public enum Padding: Sendable, Hashable, ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral {
    /// As many zeros on both sides of each spatial axis; one number counts for all axes.
    case zeros([Int])
    /// As many zeros as keep the size with stride 1, the odd one at the high end; needs stride 1.
    case same

    /// As many zeros on both sides of every spatial axis.
    public init(integerLiteral value: Int) { self = .zeros([value]) }
    /// Zeros on both sides, a number for each spatial axis.
    public init(arrayLiteral elements: Int...) { self = .zeros(elements) }
    /// No padding.
    public static let valid = Padding.zeros([0])

    /// Zeros before and after each axis.
    func resolved(
        _ operation: String, kernel: [Int], dilation: [Int], stride: [Int]
    ) throws(ShapeError) -> (low: [Int], high: [Int]) {
        switch self {
        case .zeros(let counts): return (counts, counts)
        case .same:
            guard stride.allSatisfy({ $0 == 1 }) else {
                throw ShapeError(operation, "padding .same needs stride 1, not \(stride)")
            }
            guard dilation.count == 1 || dilation.count == kernel.count else {
                throw ShapeError(operation, "dilation \(dilation) needs one number, or one for each of \(kernel)")
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
            operation, kernel: Array(weight.shape.sizes.dropFirst(2)), dilation: dilation, stride: stride)
        return try x.value.convolution(
            weight.value, bias: bias?.value, strides: stride, paddingLow: low, paddingHigh: high, dilations: dilation,
            groups: groups)
    }
}

private func transposeConvolved(
    _ operation: String, _ dimensions: Int, _ x: Tensor, _ weight: Tensor, _ bias: Tensor?, _ stride: [Int],
    _ padding: [Int], _ outputPadding: [Int], _ dilation: [Int], _ groups: Int
) -> Tensor {
    Tensor.recording { () throws(ShapeError) in
        guard weight.rank == dimensions + 2 else {
            throw ShapeError(
                operation, "the weight needs \(dimensions + 2) axes [channels, out channels / groups, kernel...]",
                shapes: [x.shape, weight.shape])
        }
        return try x.value.transposedConvolution(
            weight.value, bias: bias?.value, strides: stride, padding: padding, outputPadding: outputPadding,
            dilations: dilation, groups: groups)
    }
}
