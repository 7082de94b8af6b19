import MartletData

/// An operation that a policy chose.
package struct AugmentationChoice: Hashable {
    package let operation: AugmentationOperation
    package let magnitude: Double
}

extension AnnotatedImage {
    /// The picture after operations, in order.
    func changed(by choices: [AugmentationChoice], _ interpolation: Interpolation, _ fill: Fill) -> AnnotatedImage {
        choices.reduce(self) { $1.operation.apply($1.magnitude, to: $0, interpolation, fill) }
    }
}

/// The operations that a policy draws from and how strong each is, in steps.
package struct AugmentationSpace {
    package let operations: [AugmentationOperation]
    /// The strongest shear, rotation, change of colours.
    var shear = 0.3
    var degrees = 30.0
    var color = 0.9
    /// The furthest translation: a share of the picture's side, or samples where it is above 1.
    var translation = 150.0 / 331
    /// Bits at the weakest, and how many fewer at the strongest.
    var bits = (most: 8.0, fewer: 4.0)

    /// The magnitude of step `bin` of `count`.
    package func magnitude(
        _ operation: AugmentationOperation, _ bin: Int, of count: Int, in size: ImageSize
    ) -> Double {
        let share = count > 1 ? Double(bin) / Double(count - 1) : 0
        func distance(_ side: Int) -> Double { translation > 1 ? translation : translation * Double(side) }
        switch operation {
        case .shearX, .shearY: return shear * share
        case .translateX: return distance(size.width) * share
        case .translateY: return distance(size.height) * share
        case .rotate: return degrees * share
        case .brightness, .color, .contrast, .sharpness: return color * share
        case .posterize: return (bits.most - bits.fewer * share).rounded(.toNearestOrEven)
        case .solarize: return 1 - share
        case .identity, .autoContrast, .equalize, .invert: return 0
        }
    }

    /// One operation of step `bin`, to either side at random.
    func choice(
        _ operation: AugmentationOperation, bin: Int, of count: Int, in size: ImageSize, _ random: inout RandomStream
    ) -> AugmentationChoice {
        let magnitude = magnitude(operation, bin, of: count, in: size)
        let isNegated = operation.isSigned && random.chance(0.5)
        return AugmentationChoice(operation: operation, magnitude: isNegated ? -magnitude : magnitude)
    }

    /// Any of the operations, of step `bin`.
    func anyChoice(bin: Int, of count: Int, in size: ImageSize, _ random: inout RandomStream) -> AugmentationChoice {
        choice(operations[random.below(operations.count)], bin: bin, of: count, in: size, &random)
    }

    /// All operations but the negative.
    static let wide: [AugmentationOperation] = AugmentationOperation.allCases.filter { $0 != .invert }
}
