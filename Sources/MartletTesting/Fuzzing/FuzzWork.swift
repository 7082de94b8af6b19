import MartletGraph

/// What one instruction of a fuzzed program does, with its attributes.
package enum FuzzWork: Hashable, Sendable {
    /// New memory with numbers drawn from a seed; `layout` says how they lie in it.
    case input(TensorType, seed: UInt64, layout: Int)
    case unary(UnaryFunction)
    case binary(BinaryFunction)
    /// With a number of the user's: an argument of the plan.
    case number(BinaryFunction, Int)
    case select
    case cast(DataType)
    case reshape(Shape)
    case permute([Int])
    case expand(Shape)
    case slice(starts: [Int], sizes: [Int], steps: [Int])
    case flip([Int])
    case updateSlice(starts: [Int], steps: [Int])
    case concatenate(Int)
    case gather(axis: Int, count: Int, stride: Int)
    case scatter(Scatter.Mode, axis: Int, stride: Int)
    case indexSelect(axis: Int, count: Int, stride: Int)
    case indexAdd(axis: Int, stride: Int)
    case sort(axis: Int, descending: Bool, positions: Bool)
    case reduce(Reduce.Kind, [Int])
    case argReduce(ArgReduce.Kind, Int)
    case cumulativeSum(axis: Int, reverse: Bool, exclusive: Bool)
    case matmul(hasBias: Bool)
    case convolution(stride: Int, padding: Int, hasBias: Bool)
    /// The gradient of a convolution without bias by its weight or its input, with its own output, tamed, for a cotangent.
    case convolutionGradient(byWeight: Bool, stride: Int, padding: Int)
    case maxPool(Int, stride: Int)
    case averagePool(Int)
    case iota(Shape, axis: Int)
    case randomBits(Shape, start: Int)
    /// A number of the user's everywhere: an argument of the plan rather than memory.
    case filled(TensorType, Int)
    case softmax(axis: Int)
    case batchNorm
    case sgd(rate: Int)
    case adam(rate: Int)
    /// A differentiable alias: what a later gradient is taken by.
    case watch
    /// The gradient of the first operand's sum by the second.
    case gradient
}

extension FuzzWork {
    /// True where a derivative is asked for, which needs a history.
    var differentiates: Bool {
        switch self {
        case .convolutionGradient, .watch, .gradient: true
        default: false
        }
    }

    var isConvolution: Bool { if case .convolution = self { true } else { false } }

    /// Records the instruction. `isExact` keeps numbers small integers, so that every backend must agree to the bit; else
    /// they are kept small by smooth functions.
    package func record(_ operands: [Value], isExact: Bool, input: Value?) throws(ShapeError) -> Value {
        let value = try recorded(operands, input: input)
        return grows ? FuzzWork.tamed(value, isExact: isExact) : value
    }

    /// True where repeated use would leave the numbers that all types hold exactly.
    private var grows: Bool {
        switch self {
        case .binary(let function), .number(let function, _):
            [.add, .subtract, .multiply].contains(function)
        case .unary(let function): function == .square || function == .exp || function == .sinh || function == .cosh
        case .reduce(let kind, _): kind == .sum || kind == .product
        case .scatter(let mode, _, _): mode == .add
        case .indexAdd, .cumulativeSum, .matmul, .convolution, .convolutionGradient, .randomBits, .sgd, .adam,
            .batchNorm:
            true
        case .input, .select, .cast, .reshape, .permute, .expand, .slice, .flip, .updateSlice, .concatenate, .gather,
            .indexSelect, .sort, .argReduce, .maxPool, .averagePool, .iota, .filled, .softmax, .watch, .gradient:
            false
        }
    }

    /// Exactly: mod 17, minus 8, where 0 lies in the middle. Smoothly: 2·sin(x).
    private static func tamed(_ value: Value, isExact: Bool) -> Value {
        if value.dtype == .bool { return value }
        if isExact || !value.dtype.isFloatingPoint {
            if value.dtype == .uint8 { return Value.binary(.remainder, value, value.constant(17)) }
            return Value.binary(.remainder, value + 8, value.constant(17)) - 8
        }
        return value.applying(.sin) * 2
    }

    private func recorded(_ operands: [Value], input: Value?) throws(ShapeError) -> Value {
        switch self {
        case .input(let type, _, _): return input ?? Value.placeholder(type)
        case .unary(let function): return operands[0].applying(function)
        case .binary(let function): return try Value.combined(function, operands[0], operands[1])
        case .number(let function, let number):
            return try Value.combined(function, operands[0], operands[0].number(Double(number)))
        case .select: return try Value.select(operands[0], operands[1], operands[2])
        case .cast(let dtype): return operands[0].cast(to: dtype)
        case .reshape(let shape): return try operands[0].reshaped(shape)
        case .permute(let order): return operands[0].permuted(order)
        case .expand(let shape): return operands[0].expanded(toKnown: shape)
        case .slice(let starts, let sizes, let steps):
            return operands[0].sliced(starts: starts, sizes: sizes, steps: steps)
        case .flip(let axes): return operands[0].flipped(axes)
        case .updateSlice(let starts, let steps):
            return operands[0].updatingSlice(starts: starts, steps: steps, with: operands[1])
        case .concatenate(let axis): return try Value.record(.concatenate(Concatenate(axis)), operands)[0]
        case .gather(let axis, let count, let stride):
            var sizes = operands[0].shape.sizes
            sizes[axis] = count
            let positions = FuzzWork.positions(Shape(sizes), axis, stride, below: operands[0].shape[axis])
            return operands[0].gather(positions, axis: axis)
        case .scatter(let mode, let axis, let stride):
            let positions = FuzzWork.positions(operands[1].shape, axis, stride, below: operands[0].shape[axis])
            return operands[0].scatter(mode, positions, operands[1], axis: axis)
        case .indexSelect(let axis, let count, let stride):
            return operands[0].select(
                FuzzWork.positions([count], 0, stride, below: operands[0].shape[axis]), axis: axis)
        case .indexAdd(let axis, let stride):
            let positions = FuzzWork.positions([operands[1].shape[axis]], 0, stride, below: operands[0].shape[axis])
            return operands[0].adding(operands[1], at: positions, axis: axis)
        case .sort(let axis, let descending, let positions):
            return try Value.record(.sort(Sort(axis, descending: descending)), operands)[positions ? 1 : 0]
        case .reduce(let kind, let axes): return try Value.record(.reduce(Reduce(kind, axes)), operands)[0]
        case .argReduce(let kind, let axis): return try Value.record(.argReduce(ArgReduce(kind, axis)), operands)[0]
        case .cumulativeSum(let axis, let reverse, let exclusive):
            let family = CumulativeSum(axis, reverse: reverse, exclusive: exclusive)
            return try Value.record(.cumulativeSum(family), operands)[0]
        case .matmul(let hasBias): return try Value.record(.matmul(MatrixProduct(hasBias: hasBias)), operands)[0]
        case .convolution(let stride, let padding, let hasBias):
            return try operands[0].convolution(
                operands[1], bias: hasBias ? operands[2] : nil, strides: [stride], paddingLow: [padding])
        case .convolutionGradient(let byWeight, let stride, let padding):
            let own = operands.map { $0.detached().differentiableAlias() }
            let output = try own[0].convolution(own[1], strides: [stride], paddingLow: [padding])
            let cotangent = FuzzWork.tamed(output.detached(), isExact: true)
            let target = own[byWeight ? 1 : 0]
            let found = Differentiation.gradients(of: [output], cotangents: [cotangent], by: [target])
            return found[0] ?? target.zeros()
        case .maxPool(let kernel, let stride):
            return try operands[0].maxPool([kernel, kernel], strides: [stride, stride]).values
        case .averagePool(let kernel): return try operands[0].averagePool([kernel, kernel])
        case .iota(let shape, let axis): return Value.iota(shape, axis: axis)
        case .randomBits(let shape, let start):
            let counter = [Value.scalar(integer: 7), Value.scalar(integer: start)]
            guard shape.rank > 0 else { return try Value.record(.randomBits(RandomBits(shape)), counter)[0] }
            // A part of the stream: a view of random bits begins at its own offset.
            var longer = shape
            longer[0] += 1
            let bits = try Value.record(.randomBits(RandomBits(longer)), counter)[0]
            return bits.sliced(axis: 0, start: 1, count: shape[0])
        case .filled(let type, let number):
            return Value.scalar(Double(number), dtype: type.dtype).expanded(toKnown: type.shape)
        case .softmax(let axis):
            let shifted = operands[0] - operands[0].finiteMaximum([axis])
            let exponentials = shifted.applying(.exp)
            return exponentials / exponentials.sum([axis], keeping: true)
        case .batchNorm:
            return try Value.record(.composite(CompositeCall(BatchNormTraining(epsilon: 1e-3))), operands)[0]
        case .sgd(let rate):
            let scalars = [Double(rate), 2].map { Value.scalar($0, dtype: .float64) }
            let update = CompositeCall(SGDUpdate(momentum: .pytorch))
            return try Value.record(.composite(update), [operands[0], operands[1], operands[1] + 1] + scalars)[0]
        case .adam(let rate):
            let scalars = [Double(rate) / 16, 0.9, 0.999, 1e-3, 0.5, 0.25].map { Value.scalar($0, dtype: .float64) }
            let state = [operands[0], operands[1], operands[0] + operands[1], operands[1] * operands[1]]
            return try Value.record(.composite(CompositeCall(AdamUpdate())), state + scalars)[0]
        case .watch: return operands[0].differentiableAlias()
        case .gradient:
            let (output, target) = (operands[0], operands[1])
            guard output.isDifferentiable, target.isDifferentiable else { return target.zeros() }
            let found = Differentiation.gradients(of: [output], cotangents: [output.ones()], by: [target])
            return found[0] ?? target.zeros()
        }
    }

    /// Positions along an axis that all lie inside: (3·i + stride·j + ...) mod size.
    private static func positions(_ shape: Shape, _ axis: Int, _ stride: Int, below size: Int) -> Value {
        let along = Value.iota(shape, axis: axis) * Double(stride)
        let across = shape.rank > 1 ? Value.iota(shape, axis: axis == 0 ? 1 : 0) : along
        return Value.binary(.remainder, along + across + 1, along.constant(Double(size)))
    }
}
