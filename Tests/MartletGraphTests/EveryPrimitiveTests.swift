import MartletGraph
import Testing

/// The families by name. A new case of `Primitive` does not compile until it is named here, and a name does not until it
/// has its proof below.
enum PrimitiveName: CaseIterable {
    case leaf, placeholder, constant, iota, randomBits, unary, binary, select, cast, alias, reshape, permute, expand
    case slice, flip, updateSlice, concatenate, gather, scatter, indexSelect, indexAdd, sort, reduce, argReduce
    case cumulativeSum, matmul, convolution, convolutionInputGradient, convolutionWeightGradient, maxPool, averagePool
    case averagePoolGradient, linearAlgebra, composite, copy, collective

    init(_ primitive: Primitive) {
        self =
            switch primitive {
            case .leaf: .leaf
            case .placeholder: .placeholder
            case .constant: .constant
            case .iota: .iota
            case .randomBits: .randomBits
            case .unary: .unary
            case .binary: .binary
            case .select: .select
            case .cast: .cast
            case .alias: .alias
            case .reshape: .reshape
            case .permute: .permute
            case .expand: .expand
            case .slice: .slice
            case .flip: .flip
            case .updateSlice: .updateSlice
            case .concatenate: .concatenate
            case .gather: .gather
            case .scatter: .scatter
            case .indexSelect: .indexSelect
            case .indexAdd: .indexAdd
            case .sort: .sort
            case .reduce: .reduce
            case .argReduce: .argReduce
            case .cumulativeSum: .cumulativeSum
            case .matmul: .matmul
            case .convolution: .convolution
            case .convolutionInputGradient: .convolutionInputGradient
            case .convolutionWeightGradient: .convolutionWeightGradient
            case .maxPool: .maxPool
            case .averagePool: .averagePool
            case .averagePoolGradient: .averagePoolGradient
            case .linearAlgebra: .linearAlgebra
            case .composite: .composite
            case .copy: .copy
            case .collective: .collective
            }
    }

    /// A function of float64 inputs in which the primitive stands: each is differentiated twice, carried forward and
    /// batched. What gives integers is multiplied by an input, so that its batching shows.
    var witness: FunctionCheck {
        switch self {
        case .leaf, .placeholder: FunctionCheck([[2, 3]]) { values throws(ShapeError) in [values[0] * values[0]] }
        case .constant: FunctionCheck([[2, 3]]) { values throws(ShapeError) in [values[0] * values[0].number(1.5)] }
        case .iota:
            FunctionCheck([[2, 3]]) { values throws(ShapeError) in
                [values[0] * Value.iota([2, 3], axis: 1).cast(to: .float64) * values[0]]
            }
        case .randomBits:
            FunctionCheck([[2, 3]]) { values throws(ShapeError) in
                let numbers = [Value.scalar(integer: 7), Value.scalar(integer: 0)]
                let bits = Value.make(.randomBits(RandomBits([2, 3])), numbers)
                return [values[0] * (bits.cast(to: .float64) * 1e-9) * values[0]]
            }
        case .unary: FunctionCheck([[2, 3]]) { values throws(ShapeError) in [values[0].applying(.tanh)] }
        case .binary: FunctionCheck([[2, 3], [3]]) { values throws(ShapeError) in [values[0] * values[1]] }
        case .select:
            FunctionCheck([[2, 3], [2, 3]]) { values throws(ShapeError) in
                [Value.choose(values[0] .> values[0].constant(0), values[0] * values[1], values[1] * values[1])]
            }
        case .cast:
            FunctionCheck([[2, 3]]) { values throws(ShapeError) in
                [(values[0] .> values[0] - 1).cast(to: .float64) * values[0]]
            }
        case .alias:
            FunctionCheck([[2, 3]]) { values throws(ShapeError) in
                [values[0].detached() + values[0] * values[0] - values[0].detached()]
            }
        case .reshape, .permute, .expand, .slice, .flip: movement
        case .updateSlice, .concatenate, .gather, .scatter, .indexSelect, .indexAdd, .sort: placement
        case .reduce:
            FunctionCheck([[2, 3]]) { values throws(ShapeError) in
                [values[0].reduced(.product, [1]), values[0].reduced(.max, [0])]
            }
        case .argReduce:
            FunctionCheck([[2, 3]]) { values throws(ShapeError) in
                let position = Value.make(.argReduce(ArgReduce(.max, 1)), [values[0]])
                return [values[0].sum([1]) * position.cast(to: .float64)]
            }
        case .cumulativeSum:
            FunctionCheck([[2, 3]]) { values throws(ShapeError) in
                [Value.make(.cumulativeSum(CumulativeSum(1, reverse: true)), [values[0] * values[0]])]
            }
        case .matmul: FunctionCheck([[2, 3], [3, 2]]) { values throws(ShapeError) in [values[0].matmul(values[1])] }
        case .convolution, .convolutionInputGradient, .convolutionWeightGradient: convolutions
        case .maxPool, .averagePool, .averagePoolGradient: pooling
        case .linearAlgebra:
            FunctionCheck([[3, 3]]) { values throws(ShapeError) in
                let identity = Value.iota([3, 3], axis: 0) .== Value.iota([3, 3], axis: 1)
                return [try (values[0] + identity.cast(to: .float64) * 3).inverse()]
            }
        case .composite:
            FunctionCheck([[4, 3], [3], [3]]) { values throws(ShapeError) in
                [try Value.record(.composite(CompositeCall(BatchNormTraining(epsilon: 0.1))), values)[0]]
            }
        case .copy:
            FunctionCheck([[2, 3]]) { values throws(ShapeError) in
                [Value.make(.copy(Copy(.reference)), [values[0] * values[0]])]
            }
        case .collective:
            FunctionCheck([[2, 3]]) { values throws(ShapeError) in
                [Value.make(.collective(Collective(.allReduceSum, group: 0)), [values[0] * values[0]])]
            }
        }
    }

    private var movement: FunctionCheck {
        FunctionCheck([[2, 3]]) { values throws(ShapeError) in
            let x = values[0] * values[0]
            return [
                x.reshaped(known: [3, 2]), x.permuted([1, 0]), x.expanded(toKnown: [4, 2, 3]),
                x.sliced(starts: [0, 1], sizes: [1, 2]), x.flipped([0]),
            ]
        }
    }

    private var placement: FunctionCheck {
        FunctionCheck([[3, 2], [2, 2]]) { values throws(ShapeError) in
            let (x, y) = (values[0] * values[0], values[1] * values[1])
            let rows = Value.iota([2, 2], axis: 0)
            return [
                x.updatingSlice(starts: [1, 0], with: y), Value.concatenated([x, y], axis: 0),
                x.gather(rows, axis: 0), x.scatter(.add, rows, y, axis: 0),
                x.select(Value.iota([2], axis: 0), axis: 0), x.adding(y, at: Value.iota([2], axis: 0), axis: 0),
                Value.makeAll(.sort(Sort(0, descending: false)), [x])[0],
            ]
        }
    }

    private var convolutions: FunctionCheck {
        FunctionCheck([[2, 2, 4], [3, 2, 2], [2, 3, 3]]) { values throws(ShapeError) in
            let family = Convolution(
                strides: [1], paddingLow: [0], paddingHigh: [0], dilations: [1], groups: 1, hasBias: false)
            return [
                try Value.record(.convolution(family), [values[0], values[1]])[0],
                try Value.record(
                    .convolutionInputGradient(ConvolutionInputGradient(family, inputSizes: [4])),
                    [values[2], values[1]])[0],
                try Value.record(
                    .convolutionWeightGradient(ConvolutionWeightGradient(family, kernelSizes: [2])),
                    [values[0], values[2]])[0],
            ]
        }
    }

    private var pooling: FunctionCheck {
        FunctionCheck([[2, 2, 4], [2, 2, 2]]) { values throws(ShapeError) in
            let windows = PoolingWindows(
                kernel: [2], strides: [2], paddingLow: [0], paddingHigh: [0], dilations: [1], outputSizes: [2])
            let average = AveragePool(windows, countIncludePad: true)
            let x = values[0] * values[0]
            return [
                try Value.record(.maxPool(MaxPool(windows)), [x])[0], try Value.record(.averagePool(average), [x])[0],
                try Value.record(
                    .averagePoolGradient(AveragePoolGradient(average, inputSizes: [4])), [values[1] * values[1]])[0],
            ]
        }
    }
}

/// The proof that no primitive is without its rules.
@Suite("Every primitive")
struct EveryPrimitiveTests {
    @Test("A gradient, a second gradient, a forward derivative and a batching rule", arguments: PrimitiveName.allCases)
    func rules(name: PrimitiveName) throws {
        let check = name.witness
        // Leaves and placeholders are what functions are asked with; every other witness must contain its primitive.
        if name != .leaf, name != .placeholder { #expect(names(in: check).contains(name)) }
        try check.reverse()
        try check.forward()
        try check.second()
        // A batch draws numbers of its own for each member, so that no loop gives the same.
        if name == .randomBits { try expectOwnNumbers(check) } else { try check.batching() }
    }

    private func expectOwnNumbers(_ check: FunctionCheck) throws {
        let batch = try ReferenceEvaluation.run(on: [HostArray(TensorType([2, 2, 3], .float64), filledWith: 1)]) {
            values in
            Batching.rewrite(values, isBatched: [true], size: 2) { values in (try? check.function(values)) ?? [] }
        }[0]
        #expect(batch.shape == [2, 2, 3])
        #expect(Set(batch.reals).count == 12)
    }

    /// The primitives that a function stands on.
    private func names(in check: FunctionCheck) -> Set<PrimitiveName> {
        let inputs = check.inputs.map { Value.placeholder($0.type).differentiableAlias() }
        var pending = ((try? check.function(inputs)) ?? []).map(\.node)
        var (seen, found) = (Set<ObjectIdentifier>(), Set<PrimitiveName>())
        while let node = pending.popLast() {
            guard seen.insert(ObjectIdentifier(node)).inserted else { continue }
            found.insert(PrimitiveName(node.primitive))
            pending += node.operands.map(\.node)
        }
        return found
    }
}
