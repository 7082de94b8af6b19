/// Factorisations and solutions of matrices, with any batch axes in front; float32 and float64.
package struct LinearAlgebra: PrimitiveFamily {
    package enum Kind: Hashable, Sendable {
        /// A `[n, n]`, symmetric positive definite (its lower triangle is read) → L with A = L·Lᵀ.
        case cholesky
        /// A `[n, n]`, B `[n, m]` → X with op(A)·X = B, where op(A) is the named triangle of A or its transpose, its
        /// diagonal taken as ones where `unitDiagonal`. The other triangle is not read.
        case triangularSolve(lower: Bool, transposed: Bool, unitDiagonal: Bool)
        /// A `[n, n]`, B `[n, m]` → X with A·X = B.
        case solve
        /// A `[n, n]` → `[]`.
        case determinant
        /// A `[n, n]` → its determinant's sign (-1, 0 or 1) and the logarithm of its size (-∞ for 0), both `[]`.
        case logAbsDeterminant
        /// A `[m, n]` → Q `[m, k]` with orthonormal columns and R `[k, n]`, upper triangular, k = min(m, n).
        case qr
        /// A `[m, n]` → U `[m, k]`, S `[k]` falling, Vᵀ `[k, n]` with A = U·diag(S)·Vᵀ, k = min(m, n).
        case svd
    }
    package let kind: Kind
    package init(_ kind: Kind) { self.kind = kind }

    package var name: String {
        switch kind {
        case .cholesky: "cholesky"
        case .triangularSolve: "triangularSolve"
        case .solve: "solve"
        case .determinant: "determinant"
        case .logAbsDeterminant: "logAbsDeterminant"
        case .qr: "qr"
        case .svd: "svd"
        }
    }
    package var residuals: Residuals {
        switch kind {
        case .cholesky, .svd: .results
        case .triangularSolve, .solve, .determinant, .qr: [.operands, .results]
        case .logAbsDeterminant: .operands
        }
    }

    package func resultTypes(of operands: [TensorType], arguments: [Scalar]) throws(ShapeError) -> [TensorType] {
        let (a, dtype) = (operands[0].shape, operands[0].dtype)
        func fail(_ reason: String) -> ShapeError { ShapeError(name, reason, shapes: operands.map(\.shape)) }
        guard dtype == .float32 || dtype == .float64, operands.allSatisfy({ $0.dtype == dtype }) else {
            throw fail("needs float32 or float64, one for all, not \(operands.map(\.dtype))")
        }
        guard a.rank >= 2 else { throw fail("needs a matrix, with any batch axes in front") }
        let (rows, columns) = (a[a.rank - 2], a[a.rank - 1])
        let batch = Array(a.sizes.dropLast(2))
        func type(_ sizes: Int...) -> TensorType { TensorType(Shape(batch + sizes), dtype) }
        let k = min(rows, columns)
        switch kind {
        case .qr: return [type(rows, k), type(k, columns)]
        case .svd: return [type(rows, k), type(k), type(k, columns)]
        case .cholesky, .triangularSolve, .solve, .determinant, .logAbsDeterminant: break
        }
        guard rows == columns else { throw fail("needs a square matrix, not \(rows) by \(columns)") }
        switch kind {
        case .cholesky, .qr, .svd: return [operands[0]]
        case .determinant: return [type()]
        case .logAbsDeterminant: return [type(), type()]
        case .triangularSolve, .solve:
            let b = operands[1].shape
            guard b.rank == a.rank, Array(b.sizes.dropLast(2)) == batch, b[b.rank - 2] == rows else {
                throw fail("the right side needs the batch axes \(Shape(batch)) and \(rows) rows")
            }
            return [operands[1]]
        }
    }
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?] {
        guard cotangents.contains(where: { $0 != nil }) else { return node.operands.map { _ in nil } }
        switch kind {
        case .cholesky: return [CholeskyRules.pullback(node.result(0), cotangents[0])]
        case .triangularSolve(let lower, let transposed, let unitDiagonal):
            return TriangularSolveRules(lower: lower, transposed: transposed, unitDiagonal: unitDiagonal)
                .pullback(node, cotangents[0], wanted)
        case .solve: return SolveRules.pullback(node, cotangents[0], wanted)
        case .determinant: return [DeterminantRules.pullback(node, cotangents[0])]
        case .logAbsDeterminant: return [DeterminantRules.logPullback(node, cotangents[1])]
        case .qr: return [QRRules.pullback(node, cotangents[0], cotangents[1])]
        case .svd: return [SVDRules.pullback(node, cotangents)]
        }
    }
    package func pushforward(_ node: Node, _ tangents: [Value?]) -> [Value?] {
        guard tangents.contains(where: { $0 != nil }) else { return (0..<node.resultCount).map { _ in nil } }
        switch kind {
        case .cholesky: return [CholeskyRules.pushforward(node.result(0), tangents[0])]
        case .triangularSolve(let lower, let transposed, let unitDiagonal):
            return [
                TriangularSolveRules(lower: lower, transposed: transposed, unitDiagonal: unitDiagonal)
                    .pushforward(node, tangents)
            ]
        case .solve: return [SolveRules.pushforward(node, tangents)]
        case .determinant: return [DeterminantRules.pushforward(node, tangents[0])]
        case .logAbsDeterminant: return [nil, DeterminantRules.logPushforward(node, tangents[0])]
        case .qr: return QRRules.pushforward(node, tangents[0])
        case .svd: return SVDRules.pushforward(node, tangents[0])
        }
    }
    package func batch(_ operands: [Value], isBatched: [Bool], size: Int, arguments: [Scalar]) -> [Value] {
        Value.makeAll(.linearAlgebra(self), Value.batched(operands, isBatched, size))
    }

    /// One matrix after the other, in float64.
    package func evaluate(_ operands: [HostArray], arguments: [Scalar], results: [TensorType]) throws -> [HostArray] {
        let matrices = operands.map { operand in
            Matrix.batch(
                operand.reals, rows: operand.shape[operand.shape.rank - 2],
                columns: operand.shape[operand.shape.rank - 1])
        }
        let count = operands[0].shape.sizes.dropLast(2).reduce(1, *)
        var elements = [[Double]](repeating: [], count: results.count)
        for index in 0..<count {
            let made = try evaluate(matrices.map { $0(index) }, LinearAlgebraSite(operation: name, batchIndex: index))
            for (result, own) in made.enumerated() { elements[result] += own }
        }
        return zip(results, elements).map { HostArray($0, real: $1) }
    }

    private func evaluate(_ operands: [Matrix], _ site: LinearAlgebraSite) throws(LinearAlgebraError) -> [[Double]] {
        let a = operands[0]
        switch kind {
        case .cholesky: return [try a.choleskyFactor(site).elements]
        case .triangularSolve(let lower, let transposed, let unitDiagonal):
            let triangle = a.triangle(lower: lower, unitDiagonal: unitDiagonal)
            let solved = try (transposed ? triangle.transposed : triangle)
                .solvingTriangle(lower: lower != transposed, operands[1], site)
            return [solved.elements]
        case .solve: return [try a.luFactors().solve(operands[1], site).elements]
        case .determinant: return [[a.luFactors().determinant]]
        case .logAbsDeterminant:
            let (sign, logarithm) = a.luFactors().logAbsDeterminant
            return [[sign], [logarithm]]
        case .qr:
            let (q, r) = a.qrFactors()
            return [q.elements, r.elements]
        case .svd:
            let (u, s, vt) = try a.singularValues(site)
            return [u.elements, s, vt.elements]
        }
    }
    package func encode(into key: inout KeyWriter) {
        key.write(name)
        if case .triangularSolve(let lower, let transposed, let unitDiagonal) = kind {
            for flag in [lower, transposed, unitDiagonal] { key.write(flag) }
        }
    }
}

/// Where a computation stands: for errors.
package struct LinearAlgebraSite: Hashable, Sendable {
    package let operation: String
    /// The matrix's position among those of the batch, in row-major order.
    package let batchIndex: Int
    package init(operation: String, batchIndex: Int) {
        self.operation = operation
        self.batchIndex = batchIndex
    }
}

/// A matrix that an operation of linear algebra cannot work with. Depends on numbers, so it is thrown where they are read.
public struct LinearAlgebraError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Reason: Hashable, Sendable {
        /// No inverse: the pivot of this column is zero.
        case singular(column: Int)
        /// The leading minor that ends at this row and column is not positive.
        case notPositiveDefinite(column: Int)
        /// The iteration met an infinity or a NaN.
        case notFinite
    }
    /// The operation that refused, as its caller spells it.
    public let operation: String
    /// Which matrix of the batch, counted in row-major order.
    public let batchIndex: Int
    public let reason: Reason

    package init(_ site: LinearAlgebraSite, _ reason: Reason) {
        operation = site.operation
        batchIndex = site.batchIndex
        self.reason = reason
    }

    public var description: String {
        let what =
            switch reason {
            case .singular(let column): "is singular: its pivot in column \(column) is zero"
            case .notPositiveDefinite(let column):
                "is not positive definite: its leading minor up to row \(column) is not positive"
            case .notFinite: "has an element that is infinite or not a number"
            }
        return "\(operation): matrix \(batchIndex) of the batch \(what)"
    }
}
