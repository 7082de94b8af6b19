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

/// Axis by axis: a maximum of maxima is the maximum.
private func pooled(_ operation: String, _ x: Tensor, _ outputSize: [Int], _ axes: Int) -> Tensor {
    let counts = outputSize.count == 1 ? Array(repeating: outputSize[0], count: axes) : outputSize
    guard counts.count == axes, x.rank == axes + 1 || x.rank == axes + 2,
        (counts + x.shape.sizes).allSatisfy({ $0 > 0 })
    else {
        stop("\(operation): positive sizes \(outputSize) for \(axes) spatial axes do not fit the shape \(x.shape)")
    }
    var result = x
    for (index, count) in counts.enumerated() {
        let axis = x.rank - axes + index
        let size = x.shape[axis]
        if count == size { continue }
        let windows = (0..<count).map { (start: $0 * size / count, end: (($0 + 1) * size + count - 1) / count) }
        let width = windows.map { $0.end - $0.start }.max() ?? 1
        // Windows that are shorter name their last element again.
        let positions = windows.flatMap { window in (0..<width).map { min(window.start + $0, window.end - 1) } }
        var sizes = result.shape.sizes
        sizes.replaceSubrange(axis...axis, with: [count, width])
        result = result.indexSelect(axis: axis, indices: Tensor(positions)).reshape(Shape(sizes)).max(axis: axis + 1)
    }
    return result
}
