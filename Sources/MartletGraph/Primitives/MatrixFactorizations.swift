#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

// Dense linear algebra in float64 for small matrices: what the family evaluates by.

/// A matrix in row-major order.
package struct Matrix: Sendable {
    package let rows: Int
    package let columns: Int
    package var elements: [Double]

    package init(rows: Int, columns: Int, _ elements: [Double]) {
        self.rows = rows
        self.columns = columns
        self.elements = elements
    }
    package init(zeros rows: Int, _ columns: Int) {
        self.init(rows: rows, columns: columns, Array(repeating: 0, count: rows * columns))
    }

    /// The matrices of a batch by their index.
    package static func batch(_ elements: [Double], rows: Int, columns: Int) -> (Int) -> Matrix {
        { Matrix(rows: rows, columns: columns, Array(elements[($0 * rows * columns)...].prefix(rows * columns))) }
    }

    package subscript(row: Int, column: Int) -> Double {
        get { elements[row * columns + column] }
        set { elements[row * columns + column] = newValue }
    }

    package var transposed: Matrix {
        var result = Matrix(zeros: columns, rows)
        for row in 0..<rows { for column in 0..<columns { result[column, row] = self[row, column] } }
        return result
    }

    /// One triangle, zeros in the other.
    package func triangle(lower: Bool, unitDiagonal: Bool) -> Matrix {
        var result = Matrix(zeros: rows, columns)
        for row in 0..<rows {
            for column in lower ? 0..<row + 1 : row..<columns { result[row, column] = self[row, column] }
            if unitDiagonal { result[row, row] = 1 }
        }
        return result
    }
}

extension Matrix {
    /// L of A = L·Lᵀ, reading the lower triangle.
    package func choleskyFactor(_ site: LinearAlgebraSite) throws(LinearAlgebraError) -> Matrix {
        var l = Matrix(zeros: rows, rows)
        for column in 0..<rows {
            for row in column..<rows {
                var sum = self[row, column]
                for k in 0..<column { sum -= l[row, k] * l[column, k] }
                if row == column {
                    guard sum > 0 else { throw LinearAlgebraError(site, .notPositiveDefinite(column: column)) }
                    l[row, column] = sum.squareRoot()
                } else {
                    l[row, column] = sum / l[column, column]
                }
            }
        }
        return l
    }

    /// X of T·X = B, this matrix being a triangle: substitution from the end where the diagonal stands alone.
    package func solvingTriangle(
        lower: Bool, _ right: Matrix, _ site: LinearAlgebraSite
    ) throws(LinearAlgebraError) -> Matrix {
        var x = right
        for step in 0..<rows {
            let row = lower ? step : rows - 1 - step
            guard self[row, row] != 0 else { throw LinearAlgebraError(site, .singular(column: row)) }
            for column in 0..<right.columns {
                var sum = x[row, column]
                for k in lower ? 0..<row : row + 1..<rows { sum -= self[row, k] * x[k, column] }
                x[row, column] = sum / self[row, row]
            }
        }
        return x
    }

    package func luFactors() -> LUFactors { LUFactors(self) }
}

/// P·A = L·U with partial pivoting.
package struct LUFactors: Sendable {
    /// U, and below its diagonal L without the ones of its own.
    private var factors: Matrix
    /// Row i of P·A is this row of A.
    private var order: [Int]
    private var isOddPermutation = false
    private var singularColumn: Int?

    init(_ matrix: Matrix) {
        factors = matrix
        order = Array(0..<matrix.rows)
        for column in 0..<matrix.rows { eliminate(column) }
    }

    private mutating func eliminate(_ column: Int) {
        let n = factors.rows
        var pivot = column
        for row in column..<n where abs(factors[row, column]) > abs(factors[pivot, column]) { pivot = row }
        if pivot != column {
            for k in 0..<n {
                let kept = factors[column, k]
                factors[column, k] = factors[pivot, k]
                factors[pivot, k] = kept
            }
            order.swapAt(pivot, column)
            isOddPermutation.toggle()
        }
        guard factors[column, column] != 0 else {
            singularColumn = singularColumn ?? column
            return
        }
        for row in column + 1..<n {
            let factor = factors[row, column] / factors[column, column]
            factors[row, column] = factor
            for k in column + 1..<n { factors[row, k] -= factor * factors[column, k] }
        }
    }

    package func solve(_ right: Matrix, _ site: LinearAlgebraSite) throws(LinearAlgebraError) -> Matrix {
        if let singularColumn { throw LinearAlgebraError(site, .singular(column: singularColumn)) }
        var permuted = right
        for row in 0..<right.rows {
            for column in 0..<right.columns { permuted[row, column] = right[order[row], column] }
        }
        let inner = try factors.triangle(lower: true, unitDiagonal: true).solvingTriangle(lower: true, permuted, site)
        return try factors.triangle(lower: false, unitDiagonal: false).solvingTriangle(lower: false, inner, site)
    }

    package var determinant: Double {
        (0..<factors.rows).reduce(isOddPermutation ? -1 : 1) { $0 * factors[$1, $1] }
    }

    package var logAbsDeterminant: (sign: Double, logarithm: Double) {
        var (sign, logarithm) = (isOddPermutation ? -1.0 : 1.0, 0.0)
        for index in 0..<factors.rows {
            let pivot = factors[index, index]
            if pivot.isNaN { return (.nan, .nan) }
            if pivot == 0 { return (0, -.infinity) }
            if pivot < 0 { sign = -sign }
            logarithm += log(abs(pivot))
        }
        return (sign, logarithm)
    }
}

extension Matrix {
    /// Q and R by Householder reflections, with LAPACK's signs: a reflected column's R_kk has the sign opposite to the
    /// element it replaces, and a column that is zero below the diagonal is left alone.
    package func qrFactors() -> (q: Matrix, r: Matrix) {
        let k = min(rows, columns)
        var work = self
        var reflections: [(vector: [Double], factor: Double)] = []
        for column in 0..<k {
            let reflection = work.reflection(column)
            work.reflect(reflection, from: column)
            for row in column + 1..<rows { work[row, column] = 0 }
            reflections.append(reflection)
        }
        var q = Matrix(zeros: rows, k)
        for index in 0..<k { q[index, index] = 1 }
        for reflection in reflections.reversed() { q.reflect(reflection, from: 0) }
        var r = Matrix(zeros: k, columns)
        for row in 0..<k { for column in row..<columns { r[row, column] = work[row, column] } }
        return (q, r)
    }

    /// I - factor·v·vᵀ, which turns this column below its diagonal into zeros.
    private func reflection(_ column: Int) -> (vector: [Double], factor: Double) {
        var vector = [Double](repeating: 0, count: rows)
        for row in column..<rows { vector[row] = self[row, column] }
        let below = vector.dropFirst(column + 1).reduce(0) { hypotenuse($0, $1) }
        guard below != 0 else { return (vector, 0) }
        let size = hypotenuse(below, vector[column])
        let diagonal = vector[column] >= 0 ? -size : size
        let scale = vector[column] - diagonal
        for row in column + 1..<rows { vector[row] /= scale }
        let factor = (diagonal - vector[column]) / diagonal
        vector[column] = 1
        return (vector, factor)
    }

    private mutating func reflect(_ reflection: (vector: [Double], factor: Double), from first: Int) {
        guard reflection.factor != 0 else { return }
        for column in first..<columns {
            var sum = 0.0
            for row in 0..<rows { sum += reflection.vector[row] * self[row, column] }
            for row in 0..<rows { self[row, column] -= reflection.factor * sum * reflection.vector[row] }
        }
    }
}
