import CMartletKernels
import MartletGraph
import MartletRuntime

extension CPUBackend {
    func prepare(_ product: MatrixProduct, _ step: StepDescription) throws -> any PreparedKernel {
        try BlockedMatrixProduct(product, step.inputs[0], step.inputs[1], self) ?? prepareWhole(product, step)
    }

    /// The kernel that computes all rows at once.
    func prepareWhole(_ product: MatrixProduct, _ step: StepDescription) throws -> any PreparedKernel {
        if let kernel = EngineMatrixProduct(product, step, self) {
            return PackedMatrixProduct(product, step, plain: kernel, self) ?? kernel
        }
        let geometry = MatrixGeometry(step)
        let dtype = Int32(step.outputs[0].type.dtype.rawValue)
        let hasBias = product.hasBias
        // Batches whose axes do not merge into one stride run one after the other.
        let shape = geometry.shape(batch: geometry.isUniform ? geometry.batchCount : 1)
        let size = step.outputs[0].type.dtype.byteCount
        let starts = geometry.isUniform ? [(a: 0, b: 0, c: 0)] : geometry.batchStarts
        return ClosureKernel { pointers, _ in
            withUnsafePointer(to: shape) { shape in
                for start in starts {
                    mk_matmul(
                        dtype, shape, pointers[0] + start.a * size, pointers[1] + start.b * size,
                        hasBias ? pointers[2] : nil, pointers[hasBias ? 3 : 2] + start.c * size)
                }
            }
        }
    }
}

extension CPUBackend {
    /// A product with what is folded into it; where the engine has no kernel for its strides, or is slower than ours, one after the other.
    func prepare(_ folded: MatrixProductActivation, _ step: StepDescription) throws -> any PreparedKernel {
        if let kernel = EngineMatrixProduct(folded.product, step, self, folded: folded) { return kernel }
        let count = folded.productOperandCount
        let (residual, result) = (folded.addsResidual ? count : nil, step.inputs.count)
        let product = try prepareWhole(
            folded.product, .part(.matmul(folded.product), Array(step.inputs.prefix(count)), step.outputs))
        let elements = step.outputs[0].type.shape.elementCount
        return ClosureKernel { pointers, scalars in
            try withUnsafeTemporaryAllocation(of: UnsafeMutableRawPointer.self, capacity: count + 1) { table in
                for operand in 0..<count { table[operand] = pointers[operand] }
                table[count] = pointers[result]
                if let base = table.baseAddress { try product.run(base, scalars) }
            }
            let y = pointers[result].assumingMemoryBound(to: Float.self)
            let added = residual.map { UnsafePointer(pointers[$0].assumingMemoryBound(to: Float.self)) }
            mk_matmul_finish(y, added, folded.rectifies, Int64(elements))
        }
    }
}

/// Sizes and strides of a batched product, read off the operands' views.
struct MatrixGeometry {
    let m: Int, n: Int, k: Int
    let batch: [Int]
    let a: [Int], b: [Int]

    init(_ step: StepDescription) {
        let left = step.inputs[0]
        let right = step.inputs[1]
        let rank = left.type.shape.rank
        m = left.type.shape[rank - 2]
        k = left.type.shape[rank - 1]
        n = right.type.shape[rank - 1]
        batch = Array(left.type.shape.sizes.dropLast(2))
        a = left.strides
        b = right.strides
    }

    /// Multiplications.
    var operationCount: Int { batchCount * m * n * k }

    var batchCount: Int { batch.reduce(1, *) }

    /// True where one stride an operand walks the whole batch.
    var isUniform: Bool { MatrixGeometry.merged(batch, a) != nil && MatrixGeometry.merged(batch, b) != nil }

    /// The one stride that walks all of `sizes` in row-major order, where there is one.
    private static func merged(_ sizes: [Int], _ strides: [Int]) -> Int? {
        var step: Int?
        var inner = 0
        for axis in sizes.indices.reversed() where sizes[axis] != 1 {
            if step == nil { step = strides[axis] } else if strides[axis] != inner { return nil }
            inner = strides[axis] * sizes[axis]
        }
        return step ?? 0
    }

    func shape(batch count: Int) -> mk_matmul_shape {
        let rank = a.count
        return mk_matmul_shape(
            batch: Int64(count), m: Int64(m), n: Int64(n), k: Int64(k),
            a_batch: Int64(MatrixGeometry.merged(batch, a) ?? 0), a_row: Int64(a[rank - 2]),
            a_column: Int64(a[rank - 1]),
            b_batch: Int64(MatrixGeometry.merged(batch, b) ?? 0), b_row: Int64(b[rank - 2]),
            b_column: Int64(b[rank - 1]),
            c_batch: Int64(m * n), c_row: Int64(n))
    }

    /// The element offsets of each member of the batch.
    var batchStarts: [(a: Int, b: Int, c: Int)] {
        let left = IndexWalk(Shape(batch), strides: Array(a.prefix(batch.count)))
        let right = IndexWalk(Shape(batch), strides: Array(b.prefix(batch.count)))
        return (0..<batchCount).map { (left.offset(of: $0), right.offset(of: $0), $0 * m * n) }
    }
}
