import MartletGraph

// Tensors out of nothing. The type is float32 unless another is named; the device is the default one.

extension Tensor {
    /// All zeros.
    public static func zeros(_ shape: Shape, dtype: DataType = .float32) -> Tensor { filled(0, shape, dtype) }
    /// All ones.
    public static func ones(_ shape: Shape, dtype: DataType = .float32) -> Tensor { filled(1, shape, dtype) }
    /// Zeros of another tensor's shape and type.
    public static func zeros(like other: Tensor) -> Tensor {
        Tensor(other.value.zeros().committed(like: other.value.node))
    }
    /// Ones of another tensor's shape and type.
    public static func ones(like other: Tensor) -> Tensor {
        Tensor(other.value.ones().committed(like: other.value.node))
    }

    /// One number everywhere.
    public static func full(_ shape: Shape, _ number: some TensorScalar, dtype: DataType? = nil) -> Tensor {
        let number = number.tensorNumber
        let type = dtype ?? DataType.float32.promoted(withWeak: number.kind)
        return recording { () throws(ShapeError) in
            try checked("full", shape)
            return number.scalar(type).expanded(toKnown: shape)
        }.placed
    }

    private static func filled(_ number: Double, _ shape: Shape, _ dtype: DataType) -> Tensor {
        recording { () throws(ShapeError) in
            try checked("filled", shape)
            return Value.filled(number, TensorType(shape, dtype))
        }.placed
    }

    private static func checked(_ operation: String, _ shape: Shape) throws(ShapeError) {
        if shape.checkedElementCount == nil { throw ShapeError(operation, "\(shape) is no shape", shapes: [shape]) }
    }

    /// start, start + step, ... up to `end`, which is left out. Integers give int64, others float32.
    public static func arange<S: TensorScalar & Numeric>(
        _ start: S, _ end: S, by step: S = 1, dtype: DataType? = nil
    ) -> Tensor {
        let (first, last, stride) = (start.tensorNumber, end.tensorNumber, step.tensorNumber)
        guard stride.real != 0 else { stop("arange: the step is 0") }
        let count = Swift.max(0, Int(((last.real - first.real) / stride.real).rounded(.up)))
        let type = dtype ?? (first.kind == .real ? .float32 : .int64)
        // Rounded once, at the end.
        let working = type.isFloatingPoint ? .float64 : type
        let index = Value.iota([count], axis: 0).cast(to: working)
        return Tensor((index * stride.scalar(working) + first.scalar(working)).cast(to: type)).placed
    }

    /// 0, 1, ... up to `end`, which is left out.
    public static func arange<S: TensorScalar & Numeric>(_ end: S, dtype: DataType? = nil) -> Tensor {
        arange(0, end, dtype: dtype)
    }

    /// `count` numbers at equal distances from `start` to `end`, both among them.
    public static func linspace(_ start: Double, _ end: Double, count: Int, dtype: DataType = .float32) -> Tensor {
        guard count != 1 else { return full([1], start, dtype: dtype) }
        let index = Value.iota([Swift.max(0, count)], axis: 0).cast(to: .float64)
        let step = (end - start) / Double(Swift.max(1, count - 1))
        // The second half counts from the end, so that the last number is exact.
        let rising = index * Value.scalar(step, dtype: .float64) + Value.scalar(start, dtype: .float64)
        let falling =
            Value.scalar(end, dtype: .float64) - (Double(count - 1) - index) * Value.scalar(step, dtype: .float64)
        return Tensor(Value.choose(index .< index.constant(Double(count) / 2), rising, falling).cast(to: dtype)).placed
    }

    /// Ones where row equals column, else zeros.
    public static func eye(_ rows: Int, columns: Int? = nil, dtype: DataType = .float32) -> Tensor {
        let shape: Shape = [rows, columns ?? rows]
        let same = Value.iota(shape, axis: 0) .== Value.iota(shape, axis: 1)
        return Tensor(same.cast(to: dtype)).placed
    }

    /// The elements on and below a diagonal, zeros above; `diagonal` counts upwards from the main one.
    public func lowerTriangle(diagonal: Int = 0) -> Tensor { triangle(keepingLower: true, diagonal) }

    /// The elements on and above a diagonal, zeros below.
    public func upperTriangle(diagonal: Int = 0) -> Tensor { triangle(keepingLower: false, diagonal) }

    private func triangle(keepingLower: Bool, _ diagonal: Int) -> Tensor {
        guard rank >= 2 else { stop("lowerTriangle/upperTriangle: needs at least two axes, the shape is \(shape)") }
        let plane: Shape = [shape[rank - 2], shape[rank - 1]]
        let distance = Value.iota(plane, axis: 1) - Value.iota(plane, axis: 0)
        let limit = distance.constant(Double(diagonal))
        let kept = keepingLower ? distance .<= limit : distance .>= limit
        return Tensor(Value.choose(kept, value, value.constant(0)))
    }

    /// A vector of positions as rows with a single one: shape + [classes], in `dtype`.
    public func oneHot(classes: Int, dtype: DataType = .float32) -> Tensor {
        let classesShape = Shape(shape.sizes + [classes])
        let position = Value.iota(classesShape, axis: rank)
        return Tensor((value.cast(to: .int64).insertingAxis(rank) .== position).cast(to: dtype))
    }

    /// The same elements in another type.
    public func to(dtype: DataType) -> Tensor { Tensor(value.cast(to: dtype)) }

}
