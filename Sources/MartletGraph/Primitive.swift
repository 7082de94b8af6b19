/// What a node does: the closed list of families. Every room switches over it without a `default:`, so that a new case
/// names each place that still owes it a line.
package enum Primitive: Hashable, Sendable {
    // Sources
    case leaf
    case placeholder
    case constant(Constant)
    case iota(Iota)
    case randomBits(RandomBits)
    // Elementwise
    case unary(UnaryFunction)
    case binary(BinaryFunction)
    case select
    case cast(Cast)
    // Views
    case alias(Alias)
    case reshape(Reshape)
    case permute(Permute)
    case expand(Expand)
    case slice(Slice)
    case flip(Flip)
    // Movement
    case updateSlice(UpdateSlice)
    case concatenate(Concatenate)
    case gather(Gather)
    case scatter(Scatter)
    case indexSelect(IndexSelect)
    case indexAdd(IndexAdd)
    case sort(Sort)
    // Reductions
    case reduce(Reduce)
    case argReduce(ArgReduce)
    case cumulativeSum(CumulativeSum)
    // Contractions
    case matmul(MatrixProduct)
    case convolution(Convolution)
    case convolutionInputGradient(ConvolutionInputGradient)
    case convolutionWeightGradient(ConvolutionWeightGradient)
    // Pooling
    case maxPool(MaxPool)
    case averagePool(AveragePool)
    case averagePoolGradient(AveragePoolGradient)
    // Small matrices
    case linearAlgebra(LinearAlgebra)
    // Whole bodies, devices, groups
    case composite(CompositeCall)
    case copy(Copy)
    case collective(Collective)

    /// The family's rules.
    package var family: any PrimitiveFamily {
        switch self {
        case .leaf: LeafRules()
        case .placeholder: PlaceholderRules()
        case .constant(let family): family
        case .iota(let family): family
        case .randomBits(let family): family
        case .unary(let function): Unary(function)
        case .binary(let function): Binary(function)
        case .select: Select()
        case .cast(let family): family
        case .alias(let family): family
        case .reshape(let family): family
        case .permute(let family): family
        case .expand(let family): family
        case .slice(let family): family
        case .flip(let family): family
        case .updateSlice(let family): family
        case .concatenate(let family): family
        case .gather(let family): family
        case .scatter(let family): family
        case .indexSelect(let family): family
        case .indexAdd(let family): family
        case .sort(let family): family
        case .reduce(let family): family
        case .argReduce(let family): family
        case .cumulativeSum(let family): family
        case .matmul(let family): family
        case .convolution(let family): family
        case .convolutionInputGradient(let family): family
        case .convolutionWeightGradient(let family): family
        case .maxPool(let family): family
        case .averagePool(let family): family
        case .averagePoolGradient(let family): family
        case .linearAlgebra(let family): family
        case .composite(let family): family
        case .copy(let family): family
        case .collective(let family): family
        }
    }

    /// The family's number in keys: the case, without its attributes.
    package var code: UInt64 {
        switch self {
        case .leaf: 1
        case .placeholder: 2
        case .constant: 3
        case .iota: 4
        case .randomBits: 5
        case .unary: 6
        case .binary: 7
        case .select: 8
        case .cast: 9
        case .alias: 10
        case .reshape: 11
        case .permute: 12
        case .expand: 13
        case .slice: 14
        case .flip: 15
        case .updateSlice: 16
        case .concatenate: 17
        case .gather: 18
        case .scatter: 19
        case .indexSelect: 20
        case .indexAdd: 21
        case .sort: 22
        case .reduce: 23
        case .argReduce: 24
        case .cumulativeSum: 25
        case .matmul: 26
        case .convolution: 27
        case .convolutionInputGradient: 28
        case .convolutionWeightGradient: 29
        case .maxPool: 30
        case .averagePool: 31
        case .averagePoolGradient: 32
        case .linearAlgebra: 33
        case .composite: 34
        case .copy: 35
        case .collective: 36
        }
    }

    /// The device that the result is moved to, where the primitive moves it.
    var targetDevice: Device? {
        if case .copy(let copy) = self { return copy.device }
        return nil
    }

    /// False where no derivative flows whatever the operands: a detached value.
    package var isDifferentiable: Bool {
        if case .alias(let alias) = self { return !alias.stopsGradient }
        return true
    }

    /// The attributes as words of a plan's key, without boxing the commonest families.
    package func encode(into key: inout KeyWriter) {
        switch self {
        case .unary(let function): key.write(UInt64(function.rawValue))
        case .binary(let function): key.write(UInt64(function.rawValue))
        case .select, .leaf, .placeholder: break
        case .constant(let family): family.encode(into: &key)
        case .iota(let family): family.encode(into: &key)
        case .randomBits(let family): family.encode(into: &key)
        case .cast(let family): family.encode(into: &key)
        case .alias(let family): family.encode(into: &key)
        case .reshape(let family): family.encode(into: &key)
        case .permute(let family): family.encode(into: &key)
        case .expand(let family): family.encode(into: &key)
        case .slice(let family): family.encode(into: &key)
        case .flip(let family): family.encode(into: &key)
        case .updateSlice(let family): family.encode(into: &key)
        case .concatenate(let family): family.encode(into: &key)
        case .gather(let family): family.encode(into: &key)
        case .scatter(let family): family.encode(into: &key)
        case .indexSelect(let family): family.encode(into: &key)
        case .indexAdd(let family): family.encode(into: &key)
        case .sort(let family): family.encode(into: &key)
        case .reduce(let family): family.encode(into: &key)
        case .argReduce(let family): family.encode(into: &key)
        case .cumulativeSum(let family): family.encode(into: &key)
        case .matmul(let family): family.encode(into: &key)
        case .convolution(let family): family.encode(into: &key)
        case .convolutionInputGradient(let family): family.encode(into: &key)
        case .convolutionWeightGradient(let family): family.encode(into: &key)
        case .maxPool(let family): family.encode(into: &key)
        case .averagePool(let family): family.encode(into: &key)
        case .averagePoolGradient(let family): family.encode(into: &key)
        case .linearAlgebra(let family): family.encode(into: &key)
        case .composite(let family): family.encode(into: &key)
        case .copy(let family): family.encode(into: &key)
        case .collective(let family): family.encode(into: &key)
        }
    }
}
