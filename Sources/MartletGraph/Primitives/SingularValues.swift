#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// √(a² + b²) without overflow on the way.
func hypotenuse(_ a: Double, _ b: Double) -> Double { hypot(a, b) }

extension Matrix {
    /// U, S (falling) and Vᵀ by one-sided Jacobi rotations: columns are turned against each other until all are orthogonal.
    package func singularValues(
        _ site: LinearAlgebraSite
    ) throws(LinearAlgebraError) -> (u: Matrix, s: [Double], vt: Matrix) {
        if rows < columns {
            let (u, s, vt) = try transposed.singularValues(site)
            return (vt.transposed, s, u.transposed)
        }
        guard elements.allSatisfy(\.isFinite) else { throw LinearAlgebraError(site, .notFinite) }
        // Rows of these are the columns of A·V and of V: the rotations then run along memory. Scaled, so that squares
        // neither overflow nor vanish.
        let scale = elements.reduce(0) { max($0, abs($1)) }
        var turned = transposed
        if scale > 0 { for index in turned.elements.indices { turned.elements[index] /= scale } }
        var v = Matrix(zeros: columns, columns)
        for index in 0..<columns { v[index, index] = 1 }
        // Convergence is quadratic: ten sweeps are many.
        var sweeps = 0
        while sweeps < 60, JacobiSweep.run(&turned, &v) { sweeps += 1 }
        return Matrix.sorted(turned, v, scale)
    }

    /// Singular values in falling order, with their vectors; vectors of zeros are completed to a basis.
    private static func sorted(_ turned: Matrix, _ v: Matrix, _ scale: Double) -> (u: Matrix, s: [Double], vt: Matrix) {
        let norms = (0..<turned.rows).map { row in
            (0..<turned.columns).reduce(0.0) { hypotenuse($0, turned[row, $1]) }
        }
        let order = norms.indices.sorted { norms[$0] > norms[$1] }
        // Below this a column is rounding, and its direction nothing.
        let threshold = (norms.max() ?? 0) * Double.ulpOfOne * Double(max(turned.columns, 1))
        var ut = Matrix(zeros: turned.rows, turned.columns)
        var vt = Matrix(zeros: v.rows, v.columns)
        for (row, source) in order.enumerated() {
            for column in 0..<v.columns { vt[row, column] = v[source, column] }
            if norms[source] > threshold {
                for column in 0..<turned.columns { ut[row, column] = turned[source, column] / norms[source] }
            } else {
                ut.completeBasis(row)
            }
        }
        return (ut.transposed, order.map { norms[$0] * scale }, vt)
    }

    /// Fills a row with a unit vector orthogonal to the rows before it: of the axes, the one that they cover least.
    private mutating func completeBasis(_ row: Int) {
        let covered = (0..<columns).map { column in (0..<row).reduce(0.0) { $0 + self[$1, column] * self[$1, column] } }
        guard let axis = covered.indices.min(by: { covered[$0] < covered[$1] }) else { return }
        self[row, axis] = 1
        for _ in 0..<2 {
            for other in 0..<row {
                let product = (0..<columns).reduce(0.0) { $0 + self[row, $1] * self[other, $1] }
                for column in 0..<columns { self[row, column] -= product * self[other, column] }
            }
        }
        let norm = (0..<columns).reduce(0.0) { hypotenuse($0, self[row, $1]) }
        for column in 0..<columns { self[row, column] /= norm }
    }
}

/// One pass over all pairs of vectors.
private enum JacobiSweep {
    /// False where every pair was orthogonal already.
    static func run(_ turned: inout Matrix, _ v: inout Matrix) -> Bool {
        var changed = false
        for first in 0..<turned.rows {
            for second in first + 1..<turned.rows {
                var (alpha, beta, gamma) = (0.0, 0.0, 0.0)
                for k in 0..<turned.columns {
                    let (a, b) = (turned[first, k], turned[second, k])
                    alpha += a * a
                    beta += b * b
                    gamma += a * b
                }
                guard abs(gamma) > 1e-15 * (alpha * beta).squareRoot(), gamma != 0 else { continue }
                changed = true
                let zeta = (beta - alpha) / (2 * gamma)
                let tangent = (zeta >= 0 ? 1.0 : -1.0) / (abs(zeta) + (1 + zeta * zeta).squareRoot())
                let cosine = 1 / (1 + tangent * tangent).squareRoot()
                rotate(&turned, first, second, cosine, cosine * tangent)
                rotate(&v, first, second, cosine, cosine * tangent)
            }
        }
        return changed
    }

    private static func rotate(_ matrix: inout Matrix, _ first: Int, _ second: Int, _ cosine: Double, _ sine: Double) {
        for k in 0..<matrix.columns {
            let (a, b) = (matrix[first, k], matrix[second, k])
            matrix[first, k] = cosine * a - sine * b
            matrix[second, k] = sine * a + cosine * b
        }
    }
}
