// Poolings of `Value`, with PyTorch's conventions: strides default to the kernel, the batch axis may be missing.

extension Value {
    /// The largest element of each window, and its flat int64 position in the input's plane.
    ///
    /// ## Shapes
    /// - `[batch, channels, spatial...]` → two of `[batch, channels, outputs...]`, or all without the batch axis
    package func maxPool(
        _ kernel: [Int], strides: [Int]? = nil, padding: [Int] = [0], dilations: [Int] = [1], ceilMode: Bool = false
    ) throws(ShapeError) -> (values: Value, indices: Value) {
        let windows = try poolingWindows("maxPool", kernel, strides, padding, dilations, ceilMode)
        let isSingle = rank == kernel.count + 1
        let results = try Value.record(.maxPool(MaxPool(windows)), [isSingle ? insertingAxis(0) : self])
        return isSingle ? (results[0].removingAxis(0), results[1].removingAxis(0)) : (results[0], results[1])
    }

    /// The average of each window; with `countIncludePad`, the zeros of the padding count.
    ///
    /// ## Shapes
    /// - `[batch, channels, spatial...]` → `[batch, channels, outputs...]`, or both without the batch axis
    package func averagePool(
        _ kernel: [Int], strides: [Int]? = nil, padding: [Int] = [0], ceilMode: Bool = false,
        countIncludePad: Bool = true
    ) throws(ShapeError) -> Value {
        let windows = try poolingWindows("averagePool", kernel, strides, padding, [1], ceilMode)
        let isSingle = rank == kernel.count + 1
        let family = AveragePool(windows, countIncludePad: countIncludePad)
        let result = try Value.record(.averagePool(family), [isSingle ? insertingAxis(0) : self])[0]
        return isSingle ? result.removingAxis(0) : result
    }

    /// Averages over as many windows as `outputSizes` says: window i covers ⌊i·size/count⌋ ..< ⌈(i + 1)·size/count⌉.
    ///
    /// ## Shapes
    /// - `[..., spatial...]` → `[..., outputSizes...]`
    package func adaptiveAveragePool(_ outputSizes: [Int]) throws(ShapeError) -> Value {
        let name = "adaptiveAveragePool"
        let count = outputSizes.count
        guard (1...3).contains(count), rank == count + 1 || rank == count + 2 else {
            throw ShapeError(name, "\(outputSizes) needs an input with one or two axes more", shapes: [shape])
        }
        let sizes = Array(shape.sizes.suffix(count))
        guard dtype.isFloatingPoint, (sizes + outputSizes).allSatisfy({ $0 > 0 }) else {
            throw ShapeError(
                name, "needs floats and positive sizes, not \(dtype) from \(sizes) to \(outputSizes)", shapes: [shape])
        }
        if zip(sizes, outputSizes).allSatisfy({ $0 % $1 == 0 }) {
            return try averagePool(zip(sizes, outputSizes).map { $0 / $1 })
        }
        var result = forStatistics
        for (index, outputs) in outputSizes.enumerated() where outputs != sizes[index] {
            let axis = rank - count + index
            let (elements, covers) = result.adaptiveWindows(outputs, axis: axis)
            // What lies outside a window does not touch its average, infinite or not.
            let inside = Value.choose(covers.expanded(toKnown: elements.shape), elements, elements.constant(0))
            result = inside.sum([axis + 1]) / covers.cast(to: result.dtype).sum([axis + 1])
        }
        return result.cast(to: dtype)
    }

    /// `count` windows over an axis, window i over ⌊i·size/count⌋ ..< ⌈(i + 1)·size/count⌉: their elements along an axis of its own
    /// behind, as long as the longest window, and which of them a window covers. A shorter one has its last element again.
    ///
    /// ## Shapes
    /// - `[..., size, ...]` → `[..., count, longest, ...]` and `[1..., count, longest, 1...]`
    package func adaptiveWindows(_ count: Int, axis: Int) -> (elements: Value, covers: Value) {
        let size = shape[axis]
        let bounds = (0..<count).map { $0 * size / count..<(($0 + 1) * size + count - 1) / count }
        let windows: Shape = [count, bounds.map(\.count).max() ?? 1]
        let window = Value.iota(windows, axis: 0)
        let divisor = window.constant(Double(count))
        let start = Value.binary(.floorDivide, window * Double(size), divisor)
        let end = Value.binary(.floorDivide, (window + 1) * Double(size) + Double(count - 1), divisor)
        let position = start + Value.iota(windows, axis: 1)
        let (before, behind) = (shape.sizes[..<axis], shape.sizes[(axis + 1)...])
        let picked = select(position.minimum(end - 1).reshaped(known: [windows.elementCount]), axis: axis)
        let covers = (position .< end).reshaped(
            known: Shape(before.map { _ in 1 } + windows.sizes + behind.map { _ in 1 }))
        return (picked.reshaped(known: Shape(before + windows.sizes + behind)), covers)
    }

    private func poolingWindows(
        _ name: String, _ kernel: [Int], _ strides: [Int]?, _ padding: [Int], _ dilations: [Int], _ ceilMode: Bool
    ) throws(ShapeError) -> PoolingWindows {
        let count = kernel.count
        guard rank == count + 1 || rank == count + 2 else {
            throw ShapeError(name, "a kernel \(kernel) needs an input with one or two axes more", shapes: [shape])
        }
        let strides = try SpatialNumbers.resolved(strides ?? kernel, count, "strides", in: name)
        let padding = try SpatialNumbers.resolved(padding, count, "padding", in: name)
        let dilations = try SpatialNumbers.resolved(dilations, count, "dilations", in: name)
        guard (kernel + strides + dilations).allSatisfy({ $0 > 0 }), padding.allSatisfy({ $0 >= 0 }) else {
            throw ShapeError(
                name,
                "kernel \(kernel), strides \(strides) and dilations \(dilations) must be positive, padding \(padding) "
                    + "not negative", shapes: [shape])
        }
        var outputs: [Int] = []
        for (axis, size) in shape.sizes.suffix(count).enumerated() {
            guard
                let output = PoolingWindows.outputSize(
                    size, kernel: kernel[axis], stride: strides[axis], paddingLow: padding[axis],
                    paddingHigh: padding[axis], dilation: dilations[axis], ceilMode: ceilMode)
            else {
                throw ShapeError(
                    name, "spatial axis \(axis): the kernel is larger than the input with its padding", shapes: [shape])
            }
            outputs.append(output)
        }
        return PoolingWindows(
            kernel: kernel, strides: strides, paddingLow: padding, paddingHigh: padding, dilations: dilations,
            outputSizes: outputs)
    }
}
