import MartletGraph

// Maxima over as many windows as the output has elements: window i of an axis covers ⌊i·size/count⌋ ..< ⌈(i + 1)·size/count⌉.

/// The largest element of each of `outputSize` windows along one axis.
///
/// ## Shapes
/// - `[batch, channels, length]` → `[batch, channels, outputSize]`
public func adaptiveMaxPool1d(_ x: Tensor, outputSize: Int) -> Tensor {
    pooled("adaptiveMaxPool1d", x, [outputSize], 1)
}

/// The largest element of each of `outputSize` windows along height and width, or one number for both.
///
/// ## Shapes
/// - `[batch, channels, height, width]` → `[batch, channels] + outputSize`
public func adaptiveMaxPool2d(_ x: Tensor, outputSize: [Int]) -> Tensor {
    pooled("adaptiveMaxPool2d", x, outputSize, 2)
}

/// The largest element of each of `outputSize` windows along depth, height and width, or one number for all.
///
/// ## Shapes
/// - `[batch, channels, depth, height, width]` → `[batch, channels] + outputSize`
public func adaptiveMaxPool3d(_ x: Tensor, outputSize: [Int]) -> Tensor {
    pooled("adaptiveMaxPool3d", x, outputSize, 3)
}

/// Axis by axis, the last one first: a maximum of maxima is the maximum, and of several that are equal the first in memory's order
/// is the one that a gradient goes to.
private func pooled(_ operation: String, _ x: Tensor, _ outputSize: [Int], _ axes: Int) -> Tensor {
    let counts = outputSize.count == 1 ? Array(repeating: outputSize[0], count: axes) : outputSize
    guard counts.count == axes, x.rank == axes + 1 || x.rank == axes + 2,
        (counts + x.shape.sizes.suffix(axes)).allSatisfy({ $0 > 0 })
    else {
        stop("\(operation): positive sizes \(outputSize) for \(axes) spatial axes do not fit the shape \(x.shape)")
    }
    let sizes = x.shape.sizes.suffix(axes)
    if x.dtype.isFloatingPoint, zip(sizes, counts).allSatisfy({ $0 % $1 == 0 }) {
        return Tensor.recording { () throws(ShapeError) in
            try x.value.maxPool(zip(sizes, counts).map { $0 / $1 }).values
        }
    }
    var result = x
    for (index, count) in counts.enumerated().reversed() {
        let axis = x.rank - axes + index
        let size = x.shape[axis]
        if count == size { continue }
        let windows = Tensor(result.value.adaptiveWindows(count, axis: axis).elements)
        let position = windows.argmax(axis: axis + 1, keepingAxes: true)
        result = windows.gather(axis: axis + 1, indices: position).squeeze(axis: axis + 1)
    }
    return result
}
