// What `autocast` changes: products and convolutions run in its narrow type, losses and their like in float32.

extension Modes {
    /// The narrow type that products run in now. Derivatives follow the types that their operands were recorded in.
    fileprivate var productType: DataType? { isDeriving ? nil : autocast }
}

extension Value {
    /// The operands of a product or a convolution in the type that they meet in: the narrow one under `autocast`, where they
    /// meet in float32 or narrower.
    package static func promotedForProduct(_ values: [Value]) -> [Value] {
        let common = values.dropFirst().reduce(values[0].dtype) { DataType.promoted($0, $1.dtype) }
        let type = productType(common)
        return values.map { $0.cast(to: type) }
    }

    /// The type of a product whose operands meet in `common`.
    package static func productType(_ common: DataType) -> DataType {
        guard let narrow = Modes.current.productType, common == .float32 || common == .bfloat16 || common == .float16
        else { return common }
        return narrow
    }

    /// A floating-point type, and under `autocast` no narrower than float32: that of losses and sums of exponentials.
    package var lossType: DataType {
        Modes.current.productType == nil ? dtype.quotientType : DataType.promoted(dtype, .float32)
    }

    /// What losses are computed from, in their type.
    package var forLoss: Value { cast(to: lossType) }

    /// In float32 where the type is narrower: what statistics are taken in.
    package var forStatistics: Value { cast(to: DataType.promoted(dtype, .float32)) }
}
