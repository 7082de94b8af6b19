/// Where the windows of a pooling stand.
///
/// Window o covers the input positions o·stride + k·dilation - paddingLow. The number of windows is stated, not derived,
/// so that rounding up ("ceil mode") is only another number; `outputSize` computes it by PyTorch's rule.
package struct PoolingWindows: Hashable, Sendable {
    package let kernel: [Int]
    package let strides: [Int]
    package let paddingLow: [Int]
    /// Averages that count the padding divide by windows clipped to the input and this; maxima do not read it.
    package let paddingHigh: [Int]
    package let dilations: [Int]
    package let outputSizes: [Int]

    package init(
        kernel: [Int], strides: [Int], paddingLow: [Int], paddingHigh: [Int], dilations: [Int], outputSizes: [Int]
    ) {
        self.kernel = kernel
        self.strides = strides
        self.paddingLow = paddingLow
        self.paddingHigh = paddingHigh
        self.dilations = dilations
        self.outputSizes = outputSizes
    }

    /// The number of windows along an axis by PyTorch's rule; nil where the kernel is larger than the padded input.
    ///
    /// Rounded down, or up in ceil mode, where a last window that would start in the high padding is dropped.
    /// Source: `pooling_output_shape` as documented for torch.nn.MaxPool2d.
    package static func outputSize(
        _ size: Int, kernel: Int, stride: Int, paddingLow: Int, paddingHigh: Int, dilation: Int = 1,
        ceilMode: Bool = false
    ) -> Int? {
        let room = size + paddingLow + paddingHigh - dilation * (kernel - 1) - 1
        if room < 0 { return nil }
        guard ceilMode else { return room / stride + 1 }
        let count = (room + stride - 1) / stride + 1
        return (count - 1) * stride >= size + paddingLow ? count - 1 : count
    }

    /// Every window has at least one element in the input; `shape` is `[batch, channels, spatial...]`.
    func check(_ name: String, input: Shape) throws(ShapeError) {
        let count = kernel.count
        let lists = [strides, paddingLow, paddingHigh, dilations, outputSizes]
        guard (1...3).contains(count), lists.allSatisfy({ $0.count == count }) else {
            throw ShapeError(
                name, "kernel, strides, paddings and dilations need one number for each of 1 to 3 spatial axes",
                shapes: [input])
        }
        guard input.rank == count + 2 else {
            throw ShapeError(name, "the input needs \(count + 2) axes for \(count) spatial ones", shapes: [input])
        }
        guard (kernel + strides + dilations).allSatisfy({ $0 > 0 }),
            (paddingLow + paddingHigh + outputSizes).allSatisfy({ $0 >= 0 })
        else {
            throw ShapeError(
                name, "kernel, strides and dilations must be positive, paddings not negative", shapes: [input])
        }
        guard SpatialNumbers.areInRange(lists + [kernel, input.sizes]) else {
            throw ShapeError(name, "sizes and attributes must fit in 32 bits", shapes: [input])
        }
        for axis in 0..<count {
            for window in doubtful(axis) where !touches(window, axis, size: input[axis + 2]) {
                throw ShapeError(
                    name, "spatial axis \(axis): window \(window) of \(outputSizes[axis]) lies wholly in the padding",
                    shapes: [input])
            }
        }
    }

    /// The windows that start in the low padding, and the last one: where these touch the input, all do.
    private func doubtful(_ axis: Int) -> [Int] {
        let count = outputSizes[axis]
        let early = min(count, (paddingLow[axis] + strides[axis] - 1) / strides[axis])
        return Array(0..<early) + (early < count ? [count - 1] : [])
    }

    private func touches(_ window: Int, _ axis: Int, size: Int) -> Bool {
        let start = window * strides[axis] - paddingLow[axis]
        if start >= 0 { return start < size }
        // The first tap at or after position 0.
        let tap = (-start + dilations[axis] - 1) / dilations[axis]
        return tap < kernel[axis] && start + tap * dilations[axis] < size
    }

    func table(input: Shape) -> WindowTable {
        WindowTable(
            input: Array(input.sizes.dropFirst(2)), kernel: kernel, output: outputSizes, strides: strides,
            paddingLow: paddingLow, dilations: dilations)
    }

    func encode(into key: inout KeyWriter) {
        for numbers in [kernel, strides, paddingLow, paddingHigh, dilations, outputSizes] { key.write(numbers) }
    }
}

/// The largest element of each window and where it stands.
///
/// The first of equals wins; NaN wins over everything, the last NaN of a window (as in PyTorch).
///
/// ## Shapes
/// - operand: `[batch, channels, spatial...]`, 1 to 3 spatial axes
/// - results: values `[batch, channels, outputs...]`, and as many int32 indices: the flat position in the input's plane
package struct MaxPool: PrimitiveFamily {
    package let windows: PoolingWindows
    package init(_ windows: PoolingWindows) { self.windows = windows }

    package var name: String { "maxPool" }
    package var residuals: Residuals { .laterResults }

    package func resultTypes(of operands: [TensorType], arguments: [Scalar]) throws(ShapeError) -> [TensorType] {
        let (shape, dtype) = (operands[0].shape, operands[0].dtype)
        guard dtype.isFloatingPoint else {
            throw ShapeError(name, "needs a floating type, not \(dtype)", shapes: [shape])
        }
        try windows.check(name, input: shape)
        let result = Shape(shape.sizes.prefix(2) + windows.outputSizes)
        return [TensorType(result, dtype), TensorType(result, .int32)]
    }
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?] {
        guard let cotangent = cotangents[0] else { return [nil] }
        let sizes = Array(node.operands[0].shape.sizes.dropFirst(2))
        let family = CompositeCall(MaxPoolGradient(windows, inputSizes: sizes))
        return [Value.make(.composite(family), [cotangent, node.result(1)])]
    }
    package func pushforward(_ node: Node, _ tangents: [Value?]) -> [Value?] {
        guard let tangent = tangents[0] else { return [nil, nil] }
        let planes = tangent.reshaped(known: MaxPool.flat(tangent.shape))
        let indices = node.result(1).cast(to: .int64)
        let picked = planes.gather(indices.reshaped(known: MaxPool.flat(node.type.shape)), axis: 2)
        return [picked.reshaped(known: node.type.shape), nil]
    }
    package func batch(_ operands: [Value], isBatched: [Bool], size: Int, arguments: [Scalar]) -> [Value] {
        Value.makeAll(.maxPool(self), [operands[0].mergingAxes(0)]).map { $0.splittingAxis(0, into: size) }
    }
    package func evaluate(_ operands: [HostArray], arguments: [Scalar], results: [TensorType]) throws -> [HostArray] {
        let input = operands[0].reals
        let plane = operands[0].shape.sizes.dropFirst(2).reduce(1, *)
        let taps = windows.kernel.reduce(1, *)
        let table = windows.table(input: operands[0].shape).positions
        let perPlane = windows.outputSizes.reduce(1, *)
        var values: [Double] = []
        var indices: [Int] = []
        for result in 0..<results[0].shape.elementCount {
            let base = result / perPlane * plane
            let window = table[(result % perPlane * taps)...].prefix(taps).filter { $0 >= 0 }
            var best = window[0]
            for position in window.dropFirst() {
                let value = input[base + position]
                if value > input[base + best] || value.isNaN { best = position }
            }
            // A NaN met first is never exceeded: no comparison with it holds.
            values.append(input[base + best])
            indices.append(best)
        }
        return [HostArray(results[0], real: values), HostArray(results[1], integer: indices)]
    }
    package func encode(into key: inout KeyWriter) { windows.encode(into: &key) }

    /// Spatial axes as one.
    static func flat(_ shape: Shape) -> Shape { [shape[0], shape[1], shape.sizes.dropFirst(2).reduce(1, *)] }
}
