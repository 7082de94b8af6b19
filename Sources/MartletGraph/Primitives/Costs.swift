// What each family asks of a machine: the rule `cost` of the contract, a line or two a family and side by side, so that one
// convention of counting is seen to hold for all.

// MARK: Sources and views: no work of their own

extension LeafRules {
    package func cost(_ operands: [TensorType], _ results: [TensorType]) -> Cost { .none }
}
extension PlaceholderRules {
    package func cost(_ operands: [TensorType], _ results: [TensorType]) -> Cost { .none }
}
extension Constant {
    package func cost(_ operands: [TensorType], _ results: [TensorType]) -> Cost { .none }
}
extension Iota {
    package func cost(_ operands: [TensorType], _ results: [TensorType]) -> Cost { .pass([], results) }
}
extension RandomBits {
    package func cost(_ operands: [TensorType], _ results: [TensorType]) -> Cost { .pass([], results) }
}
extension Alias {
    package func cost(_ operands: [TensorType], _ results: [TensorType]) -> Cost { .none }
}
extension Reshape {
    package func cost(_ operands: [TensorType], _ results: [TensorType]) -> Cost { .none }
}
extension Permute {
    package func cost(_ operands: [TensorType], _ results: [TensorType]) -> Cost { .none }
}
extension Expand {
    package func cost(_ operands: [TensorType], _ results: [TensorType]) -> Cost { .none }
}
extension Slice {
    package func cost(_ operands: [TensorType], _ results: [TensorType]) -> Cost { .none }
}
extension Flip {
    package func cost(_ operands: [TensorType], _ results: [TensorType]) -> Cost { .none }
}

// MARK: Elementwise work

extension Unary {
    package func cost(_ operands: [TensorType], _ results: [TensorType]) -> Cost {
        .pass(operands, results, flops: results[0].shape.elementCount)
    }
}
extension Binary {
    package func cost(_ operands: [TensorType], _ results: [TensorType]) -> Cost {
        .pass(operands, results, flops: results[0].shape.elementCount)
    }
}
extension Select {
    package func cost(_ operands: [TensorType], _ results: [TensorType]) -> Cost { .pass(operands, results) }
}
extension Cast {
    package func cost(_ operands: [TensorType], _ results: [TensorType]) -> Cost { .pass(operands, results) }
}

// MARK: Movement

extension UpdateSlice {
    /// In place: the part that is written, read once and written once.
    package func cost(_ operands: [TensorType], _ results: [TensorType]) -> Cost { .pass([operands[1]], [operands[1]]) }
}
extension Concatenate {
    package func cost(_ operands: [TensorType], _ results: [TensorType]) -> Cost { .pass(operands, results) }
}
extension Gather {
    /// As many elements are read as the result has, wherever they stand.
    package func cost(_ operands: [TensorType], _ results: [TensorType]) -> Cost {
        .pass([operands[1], results[0]], results)
    }
}
extension Scatter {
    /// In place: the updates and what they are added to or written over.
    package func cost(_ operands: [TensorType], _ results: [TensorType]) -> Cost {
        let updates = operands[2]
        return mode == .add
            ? .pass([operands[1], updates, updates], [updates], flops: updates.shape.elementCount)
            : .pass([operands[1], updates], [updates])
    }
}
extension IndexSelect {
    /// As many elements are read as the result has.
    package func cost(_ operands: [TensorType], _ results: [TensorType]) -> Cost {
        .pass([operands[1], results[0]], results)
    }
}
extension IndexAdd {
    /// In place: the updates and what they are added to.
    package func cost(_ operands: [TensorType], _ results: [TensorType]) -> Cost {
        .pass([operands[1], operands[2], operands[2]], [operands[2]], flops: operands[2].shape.elementCount)
    }
}
extension Sort {
    /// n·log₂(n) comparisons a row.
    package func cost(_ operands: [TensorType], _ results: [TensorType]) -> Cost {
        let count = operands[0].shape[axis]
        let steps = Int.bitWidth - max(1, count - 1).leadingZeroBitCount
        return .pass(operands, results, flops: operands[0].shape.elementCount * (count > 1 ? steps : 0))
    }
}
extension Copy {
    package func cost(_ operands: [TensorType], _ results: [TensorType]) -> Cost { .pass(operands, results) }
}
extension Collective {
    package func cost(_ operands: [TensorType], _ results: [TensorType]) -> Cost { .pass(operands, results) }
}

// MARK: Reductions

extension Reduce {
    package func cost(_ operands: [TensorType], _ results: [TensorType]) -> Cost {
        .pass(operands, results, flops: operands[0].shape.elementCount)
    }
}
extension ArgReduce {
    package func cost(_ operands: [TensorType], _ results: [TensorType]) -> Cost {
        .pass(operands, results, flops: operands[0].shape.elementCount)
    }
}
extension CumulativeSum {
    package func cost(_ operands: [TensorType], _ results: [TensorType]) -> Cost {
        .pass(operands, results, flops: operands[0].shape.elementCount)
    }
}

// MARK: Contractions and windows

extension MatrixProduct {
    /// 2·k for each element of the result, and the bias.
    package func cost(_ operands: [TensorType], _ results: [TensorType]) -> Cost {
        let terms = operands[0].shape.sizes.last ?? 0
        return .pass(operands, results, flops: results[0].shape.elementCount * (2 * terms + (hasBias ? 1 : 0)))
    }
}
extension Convolution {
    package func cost(_ operands: [TensorType], _ results: [TensorType]) -> Cost {
        let count = results[0].shape.elementCount
        let products = Convolution.multiplyAdds(output: results[0].shape, weight: operands[1].shape)
        return .pass(operands, results, flops: 2 * products + (hasBias ? count : 0))
    }

    /// Each element of the output takes one weight of its channel after the other.
    package static func multiplyAdds(output: Shape, weight: Shape) -> Int {
        output.elementCount * weight.sizes.dropFirst().reduce(1, *)
    }
}
extension ConvolutionInputGradient {
    /// As many products as the convolution has: operands are the cotangent and the weight.
    package func cost(_ operands: [TensorType], _ results: [TensorType]) -> Cost {
        let products = Convolution.multiplyAdds(output: operands[0].shape, weight: operands[1].shape)
        return .pass(operands, results, flops: 2 * products)
    }
}
extension ConvolutionWeightGradient {
    /// As many products as the convolution has: operands are the input and the cotangent, the result is like the weight.
    package func cost(_ operands: [TensorType], _ results: [TensorType]) -> Cost {
        let products = Convolution.multiplyAdds(output: operands[1].shape, weight: results[0].shape)
        return .pass(operands, results, flops: 2 * products)
    }
}
extension MaxPool {
    package func cost(_ operands: [TensorType], _ results: [TensorType]) -> Cost {
        .pass(operands, results, flops: results[0].shape.elementCount * windows.kernel.reduce(1, *))
    }
}
extension AveragePool {
    package func cost(_ operands: [TensorType], _ results: [TensorType]) -> Cost {
        .pass(operands, results, flops: results[0].shape.elementCount * windows.kernel.reduce(1, *))
    }
}
extension AveragePoolGradient {
    package func cost(_ operands: [TensorType], _ results: [TensorType]) -> Cost {
        .pass(operands, results, flops: operands[0].shape.elementCount * pool.windows.kernel.reduce(1, *))
    }
}
extension LinearAlgebra {
    /// The leading terms of the usual algorithms (G. Golub and C. Van Loan, "Matrix Computations", 4th edition).
    package func cost(_ operands: [TensorType], _ results: [TensorType]) -> Cost {
        let shape = operands[0].shape
        let (m, n) = (shape[shape.rank - 2], shape[shape.rank - 1])
        let (long, short) = (max(m, n), min(m, n))
        let columns = operands.count > 1 ? operands[1].shape.sizes.last ?? 0 : 0
        let each =
            switch kind {
            case .cholesky: n * n * n / 3
            case .triangularSolve: n * n * columns
            case .solve: 2 * n * n * n / 3 + 2 * n * n * columns
            case .determinant, .logAbsDeterminant: 2 * n * n * n / 3
            case .qr: 4 * long * short * short - 4 * short * short * short / 3
            case .svd: 14 * long * short * short + 8 * short * short * short
            }
        return .pass(operands, results, flops: shape.sizes.dropLast(2).reduce(1, *) * each)
    }
}

// MARK: Composites

extension CompositeCall {
    /// The arithmetic of the body, in one pass over the composite's own operands and results.
    package func cost(_ operands: [TensorType], _ results: [TensorType]) -> Cost {
        let trace = Recording(transformation: name)
        defer { trace.discard() }
        let flops = Recording.with(trace) {
            Modes.with({ $0.recordsHistory = false }) {
                let outputs = composite.body(operands.map { Value.placeholder($0) })
                return Trace.nodes(behind: outputs, in: trace).reduce(0) { total, node in
                    let types = (0..<node.resultCount).map { node.type(of: $0) }
                    return total + node.primitive.family.cost(node.operands.map(\.type), types).flops
                }
            }
        }
        return .pass(operands, results, flops: flops)
    }
}
