import MartletGraph

// Random tensors, drawn from the task's generator.

extension Tensor {
    /// 32 random bits an element, as int64 from 0 to 2³² - 1.
    public static func randomBits(_ shape: Shape) -> Tensor {
        recording { () throws(ShapeError) in
            guard shape.checkedElementCount != nil else {
                throw ShapeError("randomBits", "\(shape) is no shape", shapes: [shape])
            }
            let (key, start) = DrawnStream.next()
            return try Value.record(.randomBits(RandomBits(shape)), [key, start])[0]
        }.placed
    }

    /// Uniform numbers in [0, 1): multiples of 2⁻²⁴ in float32, 2⁻⁵³ in float64, 2⁻¹¹ in float16 and 2⁻⁸ in bfloat16.
    public static func rand(_ shape: Shape, dtype: DataType = .float32, requiresGradient: Bool = false) -> Tensor {
        leaf(unit(shape, dtype), requiresGradient)
    }

    /// Uniform numbers in [low, high): low + (high - low)·u. In the 16-bit types the sum may round up to `high`.
    public static func uniform(
        _ shape: Shape, low: Double = 0, high: Double = 1, dtype: DataType = .float32
    ) -> Tensor {
        let scaled = unit(shape, dtype) * Value.scalar(high - low, dtype: dtype) + Value.scalar(low, dtype: dtype)
        // The sum may round up to the end that is left out.
        let last = dtype == .float32 ? Double(Float(high).nextDown) : high.nextDown
        guard low < high, low != 0, dtype == .float32 || dtype == .float64 else { return Tensor(scaled) }
        return Tensor(scaled.minimum(Value.scalar(last, dtype: dtype)))
    }

    /// Normal numbers of mean 0 and variance 1.
    ///
    ///     z = √(-2 ln(1 - u₁)) · cos(2π·u₂)          (Box and Muller, 1958)
    public static func randn(_ shape: Shape, dtype: DataType = .float32, requiresGradient: Bool = false) -> Tensor {
        let wide: DataType = dtype == .float64 ? .float64 : .float32
        let radius = (-2.0 * (1.0 - unit(shape, wide)).applying(.log)).applying(.sqrt)
        let angle = (unit(shape, wide) * (2 * Double.pi)).applying(.cos)
        return leaf((radius * angle).cast(to: dtype), requiresGradient)
    }

    /// Normal numbers of a mean and a standard deviation.
    public static func normal(
        _ shape: Shape, mean: Double = 0, standardDeviation: Double = 1, dtype: DataType = .float32
    ) -> Tensor {
        let standard = randn(shape, dtype: dtype).value
        return Tensor(
            standard * Value.scalar(standardDeviation, dtype: dtype) + Value.scalar(mean, dtype: dtype))
    }

    /// Ones with a probability, else zeros.
    public static func bernoulli(_ shape: Shape, probability: Double, dtype: DataType = .float32) -> Tensor {
        let unit = unit(shape, .float32)
        return Tensor((unit .< Value.scalar(probability, dtype: .float32)).cast(to: dtype))
    }

    /// Whole numbers from `low` up to `high`, which is left out; int64.
    public static func randint(_ low: Int, _ high: Int, _ shape: Shape) -> Tensor {
        guard high > low else { stop("randint: the range \(low)..<\(high) is empty") }
        // 63 bits: a remainder favours small numbers by at most span / 2⁶³.
        let upper = Value.binary(.floorDivide, randomBits(shape).value, Value.structural(2, dtype: .int64))
        let bits = upper * Value.scalar(integer: 1 << 32) + randomBits(shape).value
        let span = Value.scalar(integer: high - low)
        return Tensor(Value.binary(.remainder, bits, span) + Value.scalar(integer: low))
    }

    /// The numbers 0..<count in random order; int64.
    public static func randperm(_ count: Int) -> Tensor {
        // 64 bits a key make a tie, which the sort would settle by position, unlikely beyond notice.
        let high = randomBits([count]).value
        let low = randomBits([count]).value
        let keys = high * Value.scalar(integer: 1 << 31) + low
        return Tensor(Value.makeAll(.sort(Sort(0, descending: false)), [keys])[1])
    }

    private static func unit(_ shape: Shape, _ dtype: DataType) -> Value {
        if dtype == .float64 {
            let high = randomBits(shape).value.cast(to: .float64)
            let low = Value.binary(.floorDivide, randomBits(shape).value, Value.structural(2048, dtype: .int64))
            return (high * 0x1p-32 + low.cast(to: .float64) * 0x1p-53)
        }
        let unit = randomBits(shape).value.applying(.unitFromBits)
        // Rounded to 16 bits the largest would be 1.
        guard dtype == .bfloat16 || dtype == .float16 else { return unit.cast(to: dtype) }
        let steps = dtype == .bfloat16 ? 256.0 : 2048
        return ((unit * steps).applying(.floor) / steps).cast(to: dtype)
    }

    private static func leaf(_ value: Value, _ requiresGradient: Bool) -> Tensor {
        let tensor = Tensor(value)
        return requiresGradient ? tensor.requiringGradient() : tensor
    }
}

/// Key and start of a fresh stream as operands of `RandomBits`.
package enum DrawnStream {
    package static func next() -> (key: Value, start: Value) {
        if let state = StateRecorder.current { return state.nextStream(of: .current) }
        let (key, start) = Generator.current.nextStream()
        return (
            Value.scalar(integer: Int(Int64(bitPattern: key))), Value.scalar(integer: Int(Int64(bitPattern: start)))
        )
    }
}
