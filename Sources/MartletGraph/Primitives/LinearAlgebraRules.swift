// Derivatives of solutions, determinants and the Cholesky factor.
//
// Sources: M. Giles, "Collected matrix derivative results for forward and reverse mode algorithmic differentiation" (2008);
// M. Seeger et al., "Auto-differentiating linear algebra" (2017).

/// A = L·Lᵀ. A counts as symmetric: its gradient is, and of a tangent the symmetric part is taken.
enum CholeskyRules {
    /// Ā = sym(L⁻ᵀ Φ(Lᵀ L̄) L⁻¹), Φ the lower triangle with half the diagonal.
    static func pullback(_ l: Value, _ cotangent: Value?) -> Value? {
        guard let cotangent else { return nil }
        let inner = l.transposed.matmul(cotangent).lowerTriangle(diagonal: .half)
        let left = l.solvingTriangle(inner, transposed: true)
        return l.solvingTriangle(left.transposed, transposed: true).symmetricPart
    }

    /// L̇ = L Φ(L⁻¹ sym(Ȧ) L⁻ᵀ).
    static func pushforward(_ l: Value, _ tangent: Value?) -> Value? {
        guard let tangent else { return nil }
        let left = l.solvingTriangle(tangent.symmetricPart)
        return l.matmul(l.solvingTriangle(left.transposed).lowerTriangle(diagonal: .half))
    }
}

/// op(A)·X = B for a triangle of A.
struct TriangularSolveRules {
    let lower: Bool
    let transposed: Bool
    let unitDiagonal: Bool

    /// B̄ = op(A)⁻ᵀ X̄; Ā = -B̄·Xᵀ (or -X·B̄ᵀ where A is transposed), inside the triangle.
    func pullback(_ node: Node, _ cotangent: Value?, _ wanted: [Bool]) -> [Value?] {
        guard let cotangent else { return [nil, nil] }
        let right = solve(node.operands[0], cotangent, transposed: !transposed)
        guard wanted[0] else { return [nil, right] }
        let x = node.result(0)
        let product = transposed ? x.matmul(right.transposed) : right.matmul(x.transposed)
        return [-inside(product), wanted[1] ? right : nil]
    }

    /// Ẋ = op(A)⁻¹ (Ḃ - op(Ȧ)·X).
    func pushforward(_ node: Node, _ tangents: [Value?]) -> Value? {
        let moved = tangents[0].map { tangent -> Value in
            let triangle = inside(tangent)
            return -(transposed ? triangle.transposed : triangle).matmul(node.result(0))
        }
        return Value.sum(tangents[1], moved).map { solve(node.operands[0], $0, transposed: transposed) }
    }

    private func solve(_ a: Value, _ b: Value, transposed: Bool) -> Value {
        a.solvingTriangle(b, lower: lower, transposed: transposed, unitDiagonal: unitDiagonal)
    }

    /// What of a change of A the solution sees.
    private func inside(_ value: Value) -> Value {
        let diagonal: TriangleDiagonal = unitDiagonal ? .none : .whole
        return lower
            ? value.lowerTriangle(diagonal: diagonal) : value.transposed.lowerTriangle(diagonal: diagonal).transposed
    }
}

/// A·X = B.
enum SolveRules {
    /// B̄ = A⁻ᵀ X̄, Ā = -B̄·Xᵀ.
    static func pullback(_ node: Node, _ cotangent: Value?, _ wanted: [Bool]) -> [Value?] {
        guard let cotangent else { return [nil, nil] }
        let right = node.operands[0].transposed.solving(cotangent)
        return [wanted[0] ? -right.matmul(node.result(0).transposed) : nil, wanted[1] ? right : nil]
    }

    /// Ẋ = A⁻¹ (Ḃ - Ȧ·X).
    static func pushforward(_ node: Node, _ tangents: [Value?]) -> Value? {
        let moved = tangents[0].map { -$0.matmul(node.result(0)) }
        return Value.sum(tangents[1], moved).map { node.operands[0].solving($0) }
    }
}

/// Jacobi's formula; the derivative needs the inverse, so reading it for a singular matrix throws.
enum DeterminantRules {
    /// Ā = d̄ · det(A) · A⁻ᵀ.
    static func pullback(_ node: Node, _ cotangent: Value?) -> Value? {
        cotangent.map { ($0 * node.result(0)).asMatrices * inverse(node).transposed }
    }

    /// ḋ = det(A) · tr(A⁻¹ Ȧ).
    static func pushforward(_ node: Node, _ tangent: Value?) -> Value? {
        tangent.map { node.result(0) * trace(node, $0) }
    }

    static func logPullback(_ node: Node, _ cotangent: Value?) -> Value? {
        cotangent.map { $0.asMatrices * inverse(node).transposed }
    }
    static func logPushforward(_ node: Node, _ tangent: Value?) -> Value? { tangent.map { trace(node, $0) } }

    private static func inverse(_ node: Node) -> Value {
        node.operands[0].solving(node.operands[0].identity)
    }

    /// tr(A⁻¹ Ȧ).
    private static func trace(_ node: Node, _ tangent: Value) -> Value {
        let product = node.operands[0].solving(tangent)
        return (product * product.identity).sum([product.rank - 2, product.rank - 1])
    }
}

/// How much of the diagonal belongs to a triangle.
enum TriangleDiagonal { case none, half, whole }

extension Value {
    /// The lower triangle, zeros above it.
    func lowerTriangle(diagonal: TriangleDiagonal) -> Value {
        let (rows, columns) = (shape[rank - 2], shape[rank - 1])
        let row = Value.iota([rows, columns], axis: 0)
        let column = Value.iota([rows, columns], axis: 1)
        switch diagonal {
        case .none: return Value.choose(row .> column, self, constant(0))
        case .whole: return Value.choose(row .>= column, self, constant(0))
        case .half: return Value.choose(row .> column, self, Value.choose(row .== column, self * 0.5, constant(0)))
        }
    }

    /// (A + Aᵀ) / 2.
    var symmetricPart: Value { (self + transposed) * 0.5 }

    /// The identity of this square matrix's size, repeated for its batch.
    var identity: Value {
        let square: Shape = [shape[rank - 2], shape[rank - 1]]
        return (Value.iota(square, axis: 0) .== Value.iota(square, axis: 1)).cast(to: dtype).expanded(toKnown: shape)
    }

    /// Two axes of size 1 at the end: numbers beside the matrices of a batch.
    var asMatrices: Value { reshaped(known: Shape(shape.sizes + [1, 1])) }

    // Recorded without checks of the batch axes, which derivative rules know to be equal.

    func solvingTriangle(_ right: Value, lower: Bool = true, transposed: Bool = false, unitDiagonal: Bool = false)
        -> Value
    {
        let kind = LinearAlgebra.Kind.triangularSolve(lower: lower, transposed: transposed, unitDiagonal: unitDiagonal)
        return Value.make(.linearAlgebra(LinearAlgebra(kind)), [self, right])
    }
    func solving(_ right: Value) -> Value { Value.make(.linearAlgebra(LinearAlgebra(.solve)), [self, right]) }
}
