import MartletGraph

// Convolutions and products of 8-bit integers, as quantized layers record them.

/// Weights as 8-bit integers with a scale for each output channel: w ≈ scale·q, scale = max |w| / 127.
package struct QuantizedWeights: Sendable {
    /// int8, `[out channels, ...]`.
    package let values: Tensor
    /// float32, `[out channels]`.
    package let scales: Tensor

    package init(_ weight: Tensor) {
        let w = weight.detached().to(dtype: .float32)
        let axes = Array(1..<w.rank)
        let largest = w.abs().max(axes: axes, keepingAxes: true)
        // A channel of zeros has any scale.
        let scale = `where`(largest .> 0, largest, Tensor.ones(like: largest)) / 127
        values = (w / scale).round().clipped(low: -127, high: 127).to(dtype: .int8)
        scales = scale.reshape([w.shape[0]])
    }
}

extension Tensor {
    /// x as 8-bit integers of a scale.
    private func quantized(_ quantize: Quantize) -> Value {
        Value.make(.composite(CompositeCall(quantize)), [value.cast(to: DataType.promoted(dtype, .float32))])
    }

    /// x ∗ w + b in 8-bit integers.
    package func quantizedConvolution(
        _ input: Quantize, _ weights: QuantizedWeights, bias: Tensor?, strides: [Int], padding: Padding,
        dilations: [Int], groups: Int
    ) -> Tensor {
        Tensor.recording { () throws(ShapeError) in
            let kernel = Array(weights.values.shape.sizes.dropFirst(2))
            let (low, high) = try padding.resolved(
                "quantizedConvolution", kernel: kernel, dilation: dilations, stride: strides)
            let count = kernel.count
            let convolution = Convolution(
                strides: try SpatialNumbers.resolved(strides, count, "strides", in: "quantizedConvolution"),
                paddingLow: try SpatialNumbers.resolved(low, count, "padding", in: "quantizedConvolution"),
                paddingHigh: try SpatialNumbers.resolved(high, count, "padding", in: "quantizedConvolution"),
                dilations: try SpatialNumbers.resolved(dilations, count, "dilations", in: "quantizedConvolution"),
                groups: groups, hasBias: false)
            return try Tensor.convolved(quantized(input), input, weights, bias, convolution)
        }
    }

    /// x·Wᵀ + b in 8-bit integers: a convolution of one position.
    package func quantizedLinear(_ input: Quantize, _ weights: QuantizedWeights, bias: Tensor?) -> Tensor {
        Tensor.recording { () throws(ShapeError) in
            let (outputs, inputs) = (weights.values.shape[0], weights.values.shape[1])
            guard let last = shape.last, last == inputs else {
                throw ShapeError("linear", "needs x [..., \(inputs)]", shapes: [shape, weights.values.shape])
            }
            let rows = elementCount / Swift.max(1, inputs)
            let x = quantized(input).reshaped(known: [rows, inputs, 1, 1])
            let pointwise = Convolution(
                strides: [1, 1], paddingLow: [0, 0], paddingHigh: [0, 0], dilations: [1, 1], groups: 1, hasBias: false)
            let kernels = QuantizedWeights(
                values: weights.values.reshape([outputs, inputs, 1, 1]), scales: weights.scales)
            let y = try Tensor.convolved(x, input, kernels, bias, pointwise)
            return y.reshaped(known: Shape(shape.sizes.dropLast() + [outputs]))
        }
    }

    private static func convolved(
        _ x: Value, _ input: Quantize, _ weights: QuantizedWeights, _ bias: Tensor?, _ convolution: Convolution
    ) throws(ShapeError) -> Value {
        let factor = weights.scales.value * Double(input.scale)
        let shift = bias.map { $0.value.cast(to: .float32) } ?? factor.constant(0).expanded(toKnown: factor.shape)
        let composite = QuantizedConvolution(convolution)
        return try Value.record(.composite(CompositeCall(composite)), [x, weights.values.value, factor, shift])[0]
    }
}

extension QuantizedWeights {
    fileprivate init(values: Tensor, scales: Tensor) { (self.values, self.scales) = (values, scales) }
}
