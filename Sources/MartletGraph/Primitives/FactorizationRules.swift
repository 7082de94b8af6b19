// Derivatives of the QR and singular value decompositions.
//
// Sources: S. Walter and L. Lehmann, "Algorithmic differentiation of linear algebra functions" (2012); M. Giles (2008);
// M. Seeger et al. (2017); PyTorch's documented conventions for wide matrices.

/// A = Q·R. Needs the first min(m, n) columns to be linearly independent.
enum QRRules {
    static func pullback(_ node: Node, _ qCotangent: Value?, _ rCotangent: Value?) -> Value? {
        let (q, r) = (node.result(0), node.result(1))
        let (rows, columns) = (q.shape[q.rank - 2], r.shape[r.rank - 1])
        guard columns > rows else { return tall(q, r, qCotangent, rCotangent) }
        // Wide: A = [X Y], X = Q·U, Y = Q·V, and V = Qᵀ·Y adds to what arrives at Q.
        let u = r.sliced(axis: r.rank - 1, start: 0, count: rows)
        guard let rCotangent else {
            return tall(q, u, qCotangent, nil)?.widened(to: columns)
        }
        let a = node.operands[0]
        let y = a.sliced(axis: a.rank - 1, start: rows, count: columns - rows)
        let uCotangent = rCotangent.sliced(axis: r.rank - 1, start: 0, count: rows)
        let vCotangent = rCotangent.sliced(axis: r.rank - 1, start: rows, count: columns - rows)
        let x = tall(q, u, Value.sum(qCotangent, y.matmul(vCotangent.transposed)), uCotangent)
        return x.map { Value.concatenated([$0, q.matmul(vCotangent)], axis: a.rank - 1) }
    }

    /// Ā = (Q̄ + Q·C)·R⁻ᵀ, C the symmetric matrix with the lower triangle of M = R·R̄ᵀ - Q̄ᵀ·Q.
    private static func tall(_ q: Value, _ r: Value, _ qCotangent: Value?, _ rCotangent: Value?) -> Value? {
        let m = Value.sum(
            rCotangent.map { r.matmul($0.transposed) }, qCotangent.map { -$0.transposed.matmul(q) })
        guard let m else { return nil }
        let c = m.lowerTriangle(diagonal: .whole) + m.lowerTriangle(diagonal: .none).transposed
        let sum = Value.sum(qCotangent, q.matmul(c))
        // S·R⁻ᵀ = (R⁻¹·Sᵀ)ᵀ.
        return sum.map { r.solvingTriangle($0.transposed, lower: false).transposed }
    }

    static func pushforward(_ node: Node, _ tangent: Value?) -> [Value?] {
        guard let tangent else { return [nil, nil] }
        let (q, r) = (node.result(0), node.result(1))
        let (rows, columns) = (q.shape[q.rank - 2], r.shape[r.rank - 1])
        guard columns > rows else {
            let (dq, dr) = tall(q, r, tangent)
            return [dq, dr]
        }
        let (last, count) = (r.rank - 1, columns - rows)
        let u = r.sliced(axis: last, start: 0, count: rows)
        let (dq, du) = tall(q, u, tangent.sliced(axis: last, start: 0, count: rows))
        let y = node.operands[0].sliced(axis: last, start: rows, count: count)
        let dv = dq.transposed.matmul(y) + q.transposed.matmul(tangent.sliced(axis: last, start: rows, count: count))
        return [dq, Value.concatenated([du, dv], axis: last)]
    }

    /// With W = Ȧ·R⁻¹ and C = Qᵀ·W: QᵀQ̇ is the skew S with C's strict lower triangle, Ṙ = (C - S)·R, Q̇ = W - Q·(C - S).
    private static func tall(_ q: Value, _ r: Value, _ tangent: Value) -> (q: Value, r: Value) {
        let w = r.solvingTriangle(tangent.transposed, lower: false, transposed: true).transposed
        let c = q.transposed.matmul(w)
        let below = c.lowerTriangle(diagonal: .none)
        let upper = c - (below - below.transposed)
        return (w - q.matmul(upper), upper.matmul(r))
    }
}

/// A = U·diag(S)·Vᵀ. Derivatives of U and V need distinct singular values, and nonzero ones where A is not square.
enum SVDRules {
    /// Ā = U·[(skew(UᵀŪ)/E)·S + S·(skew(VᵀV̄)/E) + diag(S̄)]·Vᵀ + (I - U·Uᵀ)·Ū·S⁻¹·Vᵀ + U·S⁻¹·V̄ᵀ·(I - V·Vᵀ),
    /// with E_ij = s_j² - s_i² and skew(X) = X - Xᵀ.
    static func pullback(_ node: Node, _ cotangents: [Value?]) -> Value? {
        let (u, s, vt) = (node.result(0), node.result(1), node.result(2))
        let (byColumn, byRow) = (s.insertingAxis(s.rank - 1), s.insertingAxis(s.rank))
        let (rows, columns, k) = (u.shape[u.rank - 2], vt.shape[vt.rank - 1], s.shape[s.rank - 1])
        let vtCotangent = cotangents[2]
        var core: Value?
        if let diagonal = cotangents[1] { core = diagonal.insertingAxis(diagonal.rank) * identity(s) }
        if let uCotangent = cotangents[0] {
            core = Value.sum(core, skew(u.transposed.matmul(uCotangent)) / gaps(s) * byColumn)
        }
        if let vtCotangent {
            core = Value.sum(core, byRow * (skew(vt.matmul(vtCotangent.transposed)) / gaps(s)))
        }
        guard let core else { return nil }
        var result = u.matmul(core).matmul(vt)
        if rows > k, let uCotangent = cotangents[0] {
            let outside = uCotangent - u.matmul(u.transposed.matmul(uCotangent))
            result = result + (outside / byColumn).matmul(vt)
        }
        if columns > k, let vtCotangent {
            let outside = vtCotangent - vtCotangent.matmul(vt.transposed).matmul(vt)
            result = result + u.matmul(outside / byRow)
        }
        return result
    }

    /// With P = Uᵀ·Ȧ·V: Ṡ = diag(P), U̇ = U·((P·S + S·Pᵀ)/E) + (I - U·Uᵀ)·Ȧ·V·S⁻¹, V̇ = V·((S·P + Pᵀ·S)/E) + ....
    static func pushforward(_ node: Node, _ tangent: Value?) -> [Value?] {
        guard let tangent else { return [nil, nil, nil] }
        let (u, s, vt) = (node.result(0), node.result(1), node.result(2))
        let (byColumn, byRow) = (s.insertingAxis(s.rank - 1), s.insertingAxis(s.rank))
        let (rows, columns, k) = (u.shape[u.rank - 2], vt.shape[vt.rank - 1], s.shape[s.rank - 1])
        let (left, right) = (u.transposed.matmul(tangent), tangent.matmul(vt.transposed))
        let p = left.matmul(vt.transposed)
        let ds = (p * identity(s)).sum([p.rank - 1])
        // The diagonals of both numerators are not zero, but U and V turn only among different columns.
        let off = 1 - identity(s)
        var du = u.matmul((p * byColumn + byRow * p.transposed) * off / gaps(s))
        var dvt = ((byRow * p + p.transposed * byColumn) * off / gaps(s)).transposed.matmul(vt)
        if rows > k { du = du + (right - u.matmul(p)) / byColumn }
        if columns > k { dvt = dvt + (left - p.matmul(vt)) / byRow }
        return [du, ds, dvt]
    }

    private static func skew(_ x: Value) -> Value { x - x.transposed }

    /// E_ij = s_j² - s_i² off the diagonal, 1 on it.
    private static func gaps(_ s: Value) -> Value {
        let squares = s * s
        return squares.insertingAxis(s.rank - 1) - squares.insertingAxis(s.rank) + identity(s)
    }

    /// The identity of as many rows as there are singular values.
    private static func identity(_ s: Value) -> Value {
        let k = s.shape[s.rank - 1]
        return s.insertingAxis(s.rank).expanded(toKnown: Shape(s.shape.sizes + [k])).identity
    }
}

extension Value {
    /// Columns of zeros at the end, up to `count` columns.
    fileprivate func widened(to count: Int) -> Value {
        var high = [Int](repeating: 0, count: rank)
        high[rank - 1] = count - shape[rank - 1]
        return padded(low: high.map { _ in 0 }, high: high)
    }
}
