// What the three members of the convolution family share: shape checks, the batch as groups, and the reference's loop.

/// The checks of the shape rules; each names what does not fit.
struct ConvolutionCheck {
    let name: String
    let convolution: Convolution
    let operands: [TensorType]

    func error(_ reason: String) -> ShapeError { ShapeError(name, reason, shapes: operands.map(\.shape)) }

    func types() throws(ShapeError) {
        let dtype = operands[0].dtype
        guard dtype.isFloatingPoint, operands.allSatisfy({ $0.dtype == dtype }) else {
            throw error("needs operands of one floating type, not \(operands.map(\.dtype))")
        }
    }

    /// The attributes have an entry for each of 1 to 3 spatial axes, and the operands have two axes more.
    func ranks(_ shapes: KeyValuePairs<String, Shape>) throws(ShapeError) {
        let count = convolution.strides.count
        let lists = [convolution.paddingLow, convolution.paddingHigh, convolution.dilations]
        guard (1...3).contains(count), lists.allSatisfy({ $0.count == count }) else {
            throw error("strides, paddings and dilations need one number for each of 1 to 3 spatial axes")
        }
        guard SpatialNumbers.areInRange(lists + [convolution.strides] + shapes.map(\.value.sizes)) else {
            throw error("sizes and attributes must fit in 32 bits")
        }
        guard (convolution.strides + convolution.dilations).allSatisfy({ $0 > 0 }), convolution.groups > 0 else {
            throw error(
                "strides \(convolution.strides), dilations \(convolution.dilations) and groups \(convolution.groups) "
                    + "must be positive")
        }
        guard convolution.paddingLow.allSatisfy({ $0 >= 0 }) else {
            throw error("the padding \(convolution.paddingLow) is negative")
        }
        for (role, shape) in shapes where shape.rank != count + 2 {
            throw error("the \(role) needs \(count + 2) axes for \(count) spatial ones, it has \(shape.rank)")
        }
    }

    func channels(input: Int, weight: Shape) throws(ShapeError) {
        let groups = convolution.groups
        guard input % groups == 0 else { throw error("\(input) input channels do not divide into \(groups) groups") }
        guard weight[0] % groups == 0 else {
            throw error("\(weight[0]) output channels do not divide into \(groups) groups")
        }
        guard weight[1] == input / groups else {
            throw error(
                "the weight sees \(weight[1]) channels, the input has \(input)"
                    + (groups == 1 ? "" : " in \(groups) groups of \(input / groups)"))
        }
    }

    func outputs(of sizes: [Int], kernel: [Int]) throws(ShapeError) -> [Int] {
        guard sizes.count == convolution.strides.count, kernel.count == sizes.count else {
            throw error("needs \(convolution.strides.count) spatial sizes, not \(sizes) under a kernel of \(kernel)")
        }
        guard SpatialNumbers.areInRange([sizes, kernel]) else { throw error("sizes must fit in 32 bits") }
        guard kernel.allSatisfy({ $0 > 0 }) else { throw error("the kernel \(kernel) is empty") }
        var result: [Int] = []
        for (axis, size) in convolution.outputSizes(of: sizes, kernel: kernel).enumerated() {
            guard let size else {
                let padded = sizes[axis] + convolution.paddingLow[axis] + convolution.paddingHigh[axis]
                let reach = convolution.dilations[axis] * (kernel[axis] - 1) + 1
                throw error(
                    "spatial axis \(axis): a kernel that reaches over \(reach) is larger than the padded input's \(padded)"
                )
            }
            result.append(size)
        }
        return result
    }

    func gradient(_ gradient: Shape, channels: Int, outputs: [Int]) throws(ShapeError) {
        guard gradient[1] == channels else {
            throw error("the gradient has \(gradient[1]) channels, the weight \(channels) output channels")
        }
        guard Array(gradient.sizes.dropFirst(2)) == outputs else {
            throw error("the gradient's spatial sizes should be \(outputs)")
        }
    }
}

/// A batch of convolutions with different weights is one with as many times the groups.
enum ConvolutionBatch {
    /// `[size, n, channels, ...]` (or one `[n, channels, ...]` for all) as `[n, size · channels, ...]`.
    static func grouped(_ value: Value, _ isBatched: Bool, _ size: Int) -> Value {
        (isBatched ? value : value.repeatedAsBatch(size)).movingAxis(0, to: 1).mergingAxes(1)
    }

    /// `[n, size · channels, ...]` as `[size, n, channels, ...]`.
    static func ungrouped(_ value: Value, _ size: Int) -> Value {
        value.splittingAxis(1, into: size).movingAxis(1, to: 0)
    }
}

extension Value {
    /// Axes `axis` and `axis + 1` as one.
    func mergingAxes(_ axis: Int) -> Value {
        var sizes = shape.sizes
        sizes[axis] *= sizes.remove(at: axis + 1)
        return reshaped(known: Shape(sizes))
    }

    /// `axis` as two, the first of size `count`, which divides it.
    func splittingAxis(_ axis: Int, into count: Int) -> Value {
        var sizes = shape.sizes
        sizes[axis] = count == 0 ? 0 : sizes[axis] / count
        sizes.insert(count, at: axis)
        return reshaped(known: Shape(sizes))
    }

    /// A vector of one number a channel, seen under `[1, channels, 1...]`.
    package func asChannels(rank: Int) -> Value {
        reshaped(known: Shape([1, shape[0]] + Array(repeating: 1, count: rank - 2)))
    }
}

/// The multiplications of a convolution: every (input, weight, output) position that meets.
struct ConvolutionTerms {
    private let groups: Int
    private let input: Shape
    private let weight: Shape
    private let output: Shape
    /// For each output plane position and kernel position, the input plane position or -1 in the padding.
    private let meeting: [Int]

    init(_ convolution: Convolution, input: Shape, weight: Shape, output: Shape) {
        groups = convolution.groups
        self.input = input
        self.weight = weight
        self.output = output
        meeting =
            WindowTable(
                input: Array(input.sizes.dropFirst(2)), kernel: Array(weight.sizes.dropFirst(2)),
                output: Array(output.sizes.dropFirst(2)), strides: convolution.strides,
                paddingLow: convolution.paddingLow,
                dilations: convolution.dilations
            ).positions
    }

    func forEachTerm(_ body: (_ input: Int, _ weight: Int, _ output: Int) -> Void) {
        let inPlane = input.sizes.dropFirst(2).reduce(1, *)
        let outPlane = output.sizes.dropFirst(2).reduce(1, *)
        let kernel = weight.sizes.dropFirst(2).reduce(1, *)
        let (channels, perGroup) = (weight[1], weight[0] / groups)
        for image in 0..<input[0] {
            for out in 0..<weight[0] {
                for channel in 0..<channels {
                    let source = (image * input[1] + out / perGroup * channels + channel) * inPlane
                    let filter = (out * channels + channel) * kernel
                    let target = (image * weight[0] + out) * outPlane
                    for (pair, position) in meeting.enumerated() where position >= 0 {
                        body(source + position, filter + pair % kernel, target + pair / kernel)
                    }
                }
            }
        }
    }
}

/// Which input position each window of a convolution or pooling sees at each kernel position.
struct WindowTable {
    /// Row-major over (output position, kernel position): the flat input position, -1 outside the input.
    let positions: [Int]

    init(input: [Int], kernel: [Int], output: [Int], strides: [Int], paddingLow: [Int], dilations: [Int]) {
        // One axis at a time: the table of the axes so far, extended by the next.
        var table = [0]
        var (windows, taps) = (1, 1)
        for axis in input.indices {
            var next = [Int](repeating: -1, count: windows * output[axis] * taps * kernel[axis])
            for index in next.indices {
                let tap = index % kernel[axis]
                let outerTap = index / kernel[axis] % taps
                let window = index / (kernel[axis] * taps) % output[axis]
                let outerWindow = index / (kernel[axis] * taps * output[axis])
                let outer = table[outerWindow * taps + outerTap]
                let position = window * strides[axis] + tap * dilations[axis] - paddingLow[axis]
                if outer >= 0, position >= 0, position < input[axis] { next[index] = outer * input[axis] + position }
            }
            table = next
            windows *= output[axis]
            taps *= kernel[axis]
        }
        positions = table
    }
}
