import MartletTensor

/// What a scaler learnt from data: y = (x − offset) / scale + base, with one offset and one scale for each group of numbers.
public struct ScalerFit: Hashable, Sendable {
    /// The shape of the groups, which broadcasts to that of a sample: `[13]` for 13 columns, `[3, 1, 1]` for channels.
    public let shape: Shape
    /// What is taken off, by group.
    public let offset: [Double]
    /// What the difference is divided by, by group; never 0.
    public let scale: [Double]
    /// What is added at last.
    public let base: Double

    /// What a scaler learnt. Stops where there is not one offset and one scale, finite and not 0, a group.
    public init(shape: Shape, offset: [Double], scale: [Double], base: Double = 0) {
        self.shape = shape
        self.offset = offset
        self.scale = scale
        self.base = base
        if let fault { stop("ScalerFit: \(fault)") }
    }

    /// What is wrong with the numbers, if anything is.
    private var fault: String? {
        guard shape.checkedElementCount == offset.count, offset.count == scale.count else {
            return "expected \(shape.checkedElementCount ?? 0) offsets and scales for \(shape), found "
                + "\(offset.count) and \(scale.count)"
        }
        guard offset.allSatisfy(\.isFinite), base.isFinite else { return "expected finite offsets" }
        return scale.allSatisfy { $0.isFinite && $0 != 0 } ? nil : "expected finite scales that are not 0"
    }

    /// True where groups broadcast to the last axes of a tensor of this shape.
    func fits(_ other: Shape) -> Bool {
        other.rank >= shape.rank
            && zip(shape.sizes.reversed(), other.sizes.reversed()).allSatisfy { $0 == 1 || $0 == $1 }
    }

    /// (x − offset) / scale + base: float64 where `x` is, else float32.
    func transform(_ x: Tensor) -> Tensor {
        let (x, offset, scale) = operands(x)
        let scaled = (x - offset) / scale
        return base == 0 ? scaled : scaled + base
    }

    /// (y − base) · scale + offset.
    func inverse(_ y: Tensor) -> Tensor {
        let (y, offset, scale) = operands(y)
        return (base == 0 ? y : y - base) * scale + offset
    }

    private func operands(_ x: Tensor) -> (x: Tensor, offset: Tensor, scale: Tensor) {
        let dtype: DataType = x.dtype == .float64 ? .float64 : .float32
        return onNoDevice {
            (
                x.to(dtype: dtype), Tensor(offset, shape: shape, dtype: dtype),
                Tensor(scale, shape: shape, dtype: dtype)
            )
        }
    }
}

extension ScalerFit: Codable {
    private enum Key: String, CodingKey { case shape, offset, scale, base }

    /// From saved form; throws where numbers are missing, too many, not finite, or a scale is 0.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        shape = Shape(try container.decode([Int].self, forKey: .shape))
        offset = try container.decode([Double].self, forKey: .offset)
        scale = try container.decode([Double].self, forKey: .scale)
        base = try container.decodeIfPresent(Double.self, forKey: .base) ?? 0
        if let fault {
            throw DecodingError.dataCorrupted(
                DecodingError.Context(codingPath: decoder.codingPath, debugDescription: fault))
        }
    }

    /// Saved form.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(shape.sizes, forKey: .shape)
        try container.encode(offset, forKey: .offset)
        try container.encode(scale, forKey: .scale)
        if base != 0 { try container.encode(base, forKey: .base) }
    }
}
