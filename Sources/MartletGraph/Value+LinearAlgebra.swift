// Linear algebra of `Value`: batch axes in front broadcast.

extension Value {
    /// L of A = L·Lᵀ, A symmetric and positive definite: `[..., n, n]` → `[..., n, n]`.
    package func cholesky() throws(ShapeError) -> Value { try linearAlgebra(.cholesky)[0] }

    /// X of A·X = B. A vector B `[n]` gives a vector.
    package func solve(_ right: Value) throws(ShapeError) -> Value { try solve(.solve, right) }

    /// X of op(A)·X = B, reading one triangle of A.
    package func triangularSolve(
        _ right: Value, lower: Bool, transposed: Bool = false, unitDiagonal: Bool = false
    ) throws(ShapeError) -> Value {
        try solve(.triangularSolve(lower: lower, transposed: transposed, unitDiagonal: unitDiagonal), right)
    }

    /// A⁻¹: `[..., n, n]` → `[..., n, n]`.
    package func inverse() throws(ShapeError) -> Value {
        guard rank >= 2, shape[rank - 2] == shape[rank - 1] else {
            throw ShapeError("inverse", "needs square matrices", shapes: [shape])
        }
        return try solve(identity)
    }

    /// `[..., n, n]` → `[...]`.
    package func determinant() throws(ShapeError) -> Value { try linearAlgebra(.determinant)[0] }

    /// The determinant's sign and the logarithm of its size: `[..., n, n]` → two of `[...]`.
    package func logAbsDeterminant() throws(ShapeError) -> (sign: Value, logarithm: Value) {
        let results = try linearAlgebra(.logAbsDeterminant)
        return (results[0], results[1])
    }

    /// A = Q·R, reduced: `[..., m, n]` → `[..., m, k]` and `[..., k, n]`, k = min(m, n).
    package func qr() throws(ShapeError) -> (q: Value, r: Value) {
        let results = try linearAlgebra(.qr)
        return (results[0], results[1])
    }

    /// A = U·diag(S)·Vᵀ, reduced: `[..., m, n]` → `[..., m, k]`, `[..., k]` and `[..., k, n]`, k = min(m, n).
    package func svd() throws(ShapeError) -> (u: Value, s: Value, vt: Value) {
        let results = try linearAlgebra(.svd)
        return (results[0], results[1], results[2])
    }

    private func linearAlgebra(_ kind: LinearAlgebra.Kind) throws(ShapeError) -> [Value] {
        try Value.record(.linearAlgebra(LinearAlgebra(kind)), [self])
    }

    private func solve(_ kind: LinearAlgebra.Kind, _ right: Value) throws(ShapeError) -> Value {
        let family = LinearAlgebra(kind)
        let operands = Value.promoted([self, right.rank == 1 ? right.insertingAxis(1) : right])
        let (a, b) = (operands[0].shape, operands[1].shape)
        guard a.rank >= 2, b.rank >= 2 else {
            throw ShapeError(family.name, "needs a matrix and a right side", shapes: [shape, right.shape])
        }
        let batch = try Shape.broadcast(
            Shape(Array(a.sizes.dropLast(2))), Shape(Array(b.sizes.dropLast(2))), operation: family.name)
        let result = try Value.record(
            .linearAlgebra(family),
            [
                operands[0].expanded(toKnown: Shape(batch.sizes + a.sizes.suffix(2))),
                operands[1].expanded(toKnown: Shape(batch.sizes + b.sizes.suffix(2))),
            ])[0]
        return right.rank == 1 ? result.removingAxis(result.rank - 1) : result
    }
}
