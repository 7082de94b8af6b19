import MartletGraph

extension StepDescription {
    /// True where the step is large enough for a kernel to share its work among threads: an estimate on the safe side, by
    /// the elements it touches.
    package var isParallel: Bool {
        let elements = (inputs + outputs).reduce(0) { $0 + ($1.isScalarArgument ? 0 : $1.type.shape.elementCount) }
        switch work {
        case .fused: return elements >= Self.lightElements
        case .primitive(let primitive, _):
            return elements >= (primitive.isHeavy ? Self.heavyElements : Self.lightElements)
        }
    }

    private static let lightElements = 8192
    private static let heavyElements = 1024
}

extension Primitive {
    /// True where an element costs many operations.
    fileprivate var isHeavy: Bool {
        switch self {
        case .matmul, .convolution, .convolutionInputGradient, .convolutionWeightGradient, .linearAlgebra, .sort,
            .composite:
            true
        case .leaf, .placeholder, .constant, .iota, .randomBits, .unary, .binary, .select, .cast, .alias, .reshape,
            .permute, .expand, .slice, .flip, .updateSlice, .concatenate, .gather, .scatter, .indexSelect, .indexAdd,
            .reduce, .argReduce, .cumulativeSum, .maxPool, .averagePool, .averagePoolGradient, .copy, .collective:
            false
        }
    }
}
