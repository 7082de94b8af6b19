// Convolutions of `Value`, with PyTorch's conventions: types are promoted, the batch axis may be missing.

extension Value {
    /// A convolution (cross-correlation) with a weight `[out channels, channels / groups, kernel...]`.
    ///
    /// An attribute of one number counts for every spatial axis; `paddingHigh` is `paddingLow` where it is nil.
    ///
    /// ## Shapes
    /// - `[batch, channels, spatial...]` → `[batch, out channels, outputs...]`, or both without the batch axis
    package func convolution(
        _ weight: Value, bias: Value? = nil, strides: [Int] = [1], paddingLow: [Int] = [0], paddingHigh: [Int]? = nil,
        dilations: [Int] = [1], groups: Int = 1
    ) throws(ShapeError) -> Value {
        let name = "convolution"
        let count = weight.rank - 2
        let low = try SpatialNumbers.resolved(paddingLow, count, "padding", in: name)
        let family = Convolution(
            strides: try SpatialNumbers.resolved(strides, count, "strides", in: name), paddingLow: low,
            paddingHigh: try SpatialNumbers.resolved(paddingHigh ?? low, count, "padding", in: name),
            dilations: try SpatialNumbers.resolved(dilations, count, "dilations", in: name), groups: groups,
            hasBias: bias != nil)
        let isSingle = rank == count + 1
        let operands = Value.promotedForProduct(
            [isSingle ? insertingAxis(0) : self, weight] + (bias.map { [$0] } ?? []))
        let result = try Value.record(.convolution(family), operands)[0]
        return isSingle ? result.removingAxis(0) : result
    }

    /// A transposed convolution with a weight `[channels, out channels / groups, kernel...]`: the derivative of a
    /// convolution by its input, so that it undoes that convolution's shape.
    ///
    /// `outputPadding` adds to the high end of the result, which several input sizes of the convolution share.
    ///
    /// ## Shapes
    /// - `[batch, channels, spatial...]` → `[batch, out channels, outputs...]`, or both without the batch axis, with
    ///   outputs = (size - 1)·stride - 2·padding + dilation·(kernel - 1) + outputPadding + 1
    package func transposedConvolution(
        _ weight: Value, bias: Value? = nil, strides: [Int] = [1], padding: [Int] = [0], outputPadding: [Int] = [0],
        dilations: [Int] = [1], groups: Int = 1
    ) throws(ShapeError) -> Value {
        let name = "transposedConvolution"
        let count = weight.rank - 2
        let isSingle = rank == count + 1
        let operands = Value.promotedForProduct(
            [isSingle ? insertingAxis(0) : self, weight] + (bias.map { [$0] } ?? []))
        let attributes = try TransposedAttributes(
            strides: SpatialNumbers.resolved(strides, count, "strides", in: name),
            padding: SpatialNumbers.resolved(padding, count, "padding", in: name),
            outputPadding: SpatialNumbers.resolved(outputPadding, count, "output padding", in: name),
            dilations: SpatialNumbers.resolved(dilations, count, "dilations", in: name))
        let family = try attributes.family(input: operands[0].shape, weight: weight.shape, groups: groups)
        var result = try Value.record(.convolutionInputGradient(family), Array(operands.prefix(2)))[0]
        if operands.count == 3 {
            guard operands[2].shape.sizes == [result.shape[1]] else {
                throw ShapeError(
                    name, "the bias needs shape [\(result.shape[1])], one number an output channel",
                    shapes: operands.map(\.shape))
            }
            result = result + operands[2].asChannels(rank: result.rank)
        }
        return isSingle ? result.removingAxis(0) : result
    }

    /// The values cast to the type they meet in.
    package static func promoted(_ values: [Value]) -> [Value] {
        let common = values.dropFirst().reduce(values[0].dtype) { DataType.promoted($0, $1.dtype) }
        return values.map { $0.cast(to: common) }
    }
}

/// The convolution whose input gradient a transposed convolution is.
private struct TransposedAttributes {
    let strides: [Int]
    let padding: [Int]
    let outputPadding: [Int]
    let dilations: [Int]

    func family(input: Shape, weight: Shape, groups: Int) throws(ShapeError) -> ConvolutionInputGradient {
        func fail(_ reason: String) -> ShapeError {
            ShapeError("transposedConvolution", reason, shapes: [input, weight])
        }
        let count = strides.count
        guard input.rank == count + 2 else {
            throw fail("the input needs \(count + 2) axes, or one less without a batch")
        }
        guard SpatialNumbers.areInRange([strides, padding, outputPadding, dilations, input.sizes, weight.sizes]) else {
            throw fail("sizes and attributes must fit in 32 bits")
        }
        guard input[1] == weight[0] else {
            throw fail("the weight takes \(weight[0]) channels, the input has \(input[1])")
        }
        guard (0..<count).allSatisfy({ (0..<max(strides[$0], dilations[$0])).contains(outputPadding[$0]) }) else {
            throw fail("the output padding \(outputPadding) must be smaller than the stride or the dilation")
        }
        let sizes = (0..<count).map { axis -> Int in
            let spread = (input[axis + 2] - 1) * strides[axis] + dilations[axis] * (weight[axis + 2] - 1) + 1
            return spread - 2 * padding[axis] + outputPadding[axis]
        }
        guard sizes.allSatisfy({ $0 > 0 }) else { throw fail("the output would have sizes \(sizes)") }
        // From a whole stride on, output padding would make room for another window of the convolution.
        let high = (0..<count).map { padding[$0] - (outputPadding[$0] >= strides[$0] ? outputPadding[$0] : 0) }
        let convolution = Convolution(
            strides: strides, paddingLow: padding, paddingHigh: high, dilations: dilations, groups: groups,
            hasBias: false)
        return ConvolutionInputGradient(convolution, inputSizes: sizes)
    }
}

/// Attributes along spatial axes: one number each, or one for all.
package enum SpatialNumbers {
    package static func resolved(_ given: [Int], _ count: Int, _ what: String, in operation: String) throws(ShapeError)
        -> [Int]
    {
        if given.count == count { return given }
        guard given.count == 1, count > 0 else {
            throw ShapeError(operation, "\(what) \(given) needs one number, or one for each of \(count) spatial axes")
        }
        return Array(repeating: given[0], count: count)
    }

    /// Small enough that no window's arithmetic overflows: files are data.
    static func areInRange(_ lists: [[Int]]) -> Bool {
        lists.allSatisfy { $0.allSatisfy { Int32(exactly: $0) != nil } }
    }
}
