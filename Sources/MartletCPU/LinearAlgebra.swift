import CMartletKernels
import MartletGraph
import MartletRuntime

extension CPUBackend {
    func prepare(_ algebra: LinearAlgebra, _ step: StepDescription) -> any PreparedKernel {
        let matrix = MatrixBatch(step.inputs[0].type)
        let site = algebra.name
        switch algebra.kind {
        case .cholesky:
            return ClosureKernel { pointers, _ in
                var row: Int64 = 0
                let bad = mk_cholesky(matrix.dtype, matrix.count, matrix.rows, pointers[0], pointers[1], &row)
                if bad >= 0 {
                    throw LinearAlgebraError(
                        LinearAlgebraSite(operation: site, batchIndex: Int(bad)), .notPositiveDefinite(column: Int(row))
                    )
                }
            }
        case .triangularSolve(let lower, let transposed, let unitDiagonal):
            let columns = MatrixBatch(step.inputs[1].type).columns
            return ClosureKernel { pointers, _ in
                if !unitDiagonal, let bad = matrix.zeroOnDiagonal(of: pointers[0], isForward: lower != transposed) {
                    throw LinearAlgebraError(
                        LinearAlgebraSite(operation: site, batchIndex: bad.member), .singular(column: bad.row))
                }
                mk_triangular_solve(
                    matrix.dtype, matrix.count, matrix.rows, columns, !lower, transposed, unitDiagonal, pointers[0],
                    pointers[1], pointers[2])
            }
        case .solve: return solve(matrix, columns: MatrixBatch(step.inputs[1].type).columns, site)
        case .determinant:
            return factored(matrix) { factors, pointers in
                for index in 0..<matrix.members { factors.storeDeterminant(index, pointers[1]) }
            }
        case .logAbsDeterminant:
            return factored(matrix) { factors, pointers in
                for index in 0..<matrix.members { factors.storeLogDeterminant(index, pointers[1], pointers[2]) }
            }
        case .qr:
            return ClosureKernel { pointers, _ in
                mk_qr(matrix.dtype, matrix.count, matrix.rows, matrix.columns, pointers[0], pointers[1], pointers[2])
            }
        case .svd:
            return ClosureKernel { pointers, _ in
                let bad = mk_svd(
                    matrix.dtype, matrix.count, matrix.rows, matrix.columns, pointers[0], pointers[1], pointers[2],
                    pointers[3])
                if bad >= 0 {
                    throw LinearAlgebraError(LinearAlgebraSite(operation: site, batchIndex: Int(bad)), .notFinite)
                }
            }
        }
    }

    /// A·X = B through P·A = L·U.
    private func solve(_ matrix: MatrixBatch, columns: Int64, _ site: String) -> any PreparedKernel {
        factored(matrix) { factors, pointers in
            if let bad = factors.firstSingular {
                throw LinearAlgebraError(
                    LinearAlgebraSite(operation: site, batchIndex: bad.member), .singular(column: bad.row))
            }
            let rowBytes = Int(columns) * matrix.elementSize
            let n = Int(matrix.rows)
            for index in 0..<matrix.members {
                let source = pointers[1] + index * n * rowBytes
                let target = pointers[2] + index * n * rowBytes
                for row in 0..<n {
                    (target + row * rowBytes).copyMemory(
                        from: source + Int(factors.permutation[index * n + row]) * rowBytes, byteCount: rowBytes)
                }
            }
            mk_triangular_solve(
                matrix.dtype, matrix.count, matrix.rows, columns, false, false, true, factors.address, pointers[2],
                pointers[2])
            mk_triangular_solve(
                matrix.dtype, matrix.count, matrix.rows, columns, true, false, false, factors.address, pointers[2],
                pointers[2])
        }
    }

    /// Runs `body` on the LU factors of the first operand.
    private func factored(
        _ matrix: MatrixBatch,
        _ body: @escaping @Sendable (LUFactors, UnsafeMutablePointer<UnsafeMutableRawPointer>) throws -> Void
    ) -> any PreparedKernel {
        ClosureKernel { pointers, _ in
            let factors = LUFactors(of: pointers[0], matrix)
            try body(factors, pointers)
        }
    }
}

/// A batch of matrices as the C kernels take it.
struct MatrixBatch {
    let dtype: Int32
    let count: Int64, rows: Int64, columns: Int64
    let elementSize: Int
    let isDouble: Bool
    var members: Int { Int(count) }

    init(_ type: TensorType) {
        let rank = type.shape.rank
        dtype = Int32(type.dtype.rawValue)
        count = Int64(type.shape.sizes.dropLast(2).reduce(1, *))
        rows = Int64(type.shape[rank - 2])
        columns = Int64(type.shape[rank - 1])
        elementSize = type.dtype.byteCount
        isDouble = type.dtype == .float64
    }

    /// An element of a member's diagonal.
    func diagonal(of address: UnsafeMutableRawPointer, _ member: Int, _ row: Int) -> Double {
        let index = (member * Int(rows) + row) * Int(columns) + row
        return isDouble
            ? address.load(fromByteOffset: index * 8, as: Double.self)
            : Double(address.load(fromByteOffset: index * 4, as: Float.self))
    }

    /// The first member with a zero on its diagonal, and the row that substitution meets first.
    func zeroOnDiagonal(of address: UnsafeMutableRawPointer, isForward: Bool) -> (member: Int, row: Int)? {
        for member in 0..<members {
            for step in 0..<Int(rows) {
                let row = isForward ? step : Int(rows) - 1 - step
                if diagonal(of: address, member, row) == 0 { return (member, row) }
            }
        }
        return nil
    }
}

/// P·A = L·U for each member of a batch.
private final class LUFactors {
    let address: UnsafeMutableRawPointer
    let permutation: UnsafeMutablePointer<Int64>
    private let sign: UnsafeMutablePointer<Int32>
    private let matrix: MatrixBatch

    init(of source: UnsafeMutableRawPointer, _ matrix: MatrixBatch) {
        self.matrix = matrix
        let n = Int(matrix.rows)
        address = .allocate(byteCount: max(64, matrix.members * n * n * matrix.elementSize), alignment: 64)
        permutation = .allocate(capacity: max(1, matrix.members * n))
        sign = .allocate(capacity: max(1, matrix.members))
        mk_lu(matrix.dtype, matrix.count, matrix.rows, matrix.rows, source, address, permutation, sign)
    }

    deinit {
        address.deallocate()
        permutation.deallocate()
        sign.deallocate()
    }

    private func pivot(_ member: Int, _ row: Int) -> Double { matrix.diagonal(of: address, member, row) }

    /// The first member with a pivot of zero, and the first such pivot.
    var firstSingular: (member: Int, row: Int)? { matrix.zeroOnDiagonal(of: address, isForward: true) }

    private func store(_ value: Double, _ target: UnsafeMutableRawPointer, _ member: Int) {
        (matrix.isDouble ? DataType.float64 : .float32).storeReal(value, target, member)
    }

    func storeDeterminant(_ member: Int, _ target: UnsafeMutableRawPointer) {
        var product = Double(sign[member])
        for row in 0..<Int(matrix.rows) { product *= pivot(member, row) }
        store(product, target, member)
    }

    func storeLogDeterminant(_ member: Int, _ signs: UnsafeMutableRawPointer, _ logs: UnsafeMutableRawPointer) {
        var total = 0.0
        var direction = Double(sign[member])
        for row in 0..<Int(matrix.rows) {
            let value = pivot(member, row)
            total += logarithm(abs(value))
            direction *= value == 0 ? 0 : value < 0 ? -1 : 1
        }
        store(direction, signs, member)
        store(total, logs, member)
    }

    private func logarithm(_ value: Double) -> Double { UnaryFunction.log.row.reference(value) }
}
