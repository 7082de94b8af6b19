/// The matrix product over the last two axes, with a bias added to every row inside the accumulation.
///
///     result[..., i, j] = Σ_l a[..., i, l] · b[..., l, j] (+ bias[j])
///
/// ## Shapes
/// - operands: a `[batch..., m, k]`, b `[batch..., k, n]`, bias `[n]`; batch axes are equal (`Value.matrixProduct`
///   broadcasts them)
/// - result: `[batch..., m, n]`
package struct MatrixProduct: PrimitiveFamily {
    package let hasBias: Bool
    package init(hasBias: Bool) { self.hasBias = hasBias }

    package var name: String { "matmul" }
    package var residuals: Residuals { .operands }

    package func resultTypes(of operands: [TensorType], arguments: [Scalar]) throws(ShapeError) -> [TensorType] {
        let (a, b) = (operands[0].shape, operands[1].shape)
        var shapes: [Shape] { operands.map(\.shape) }
        let dtype = operands[0].dtype
        guard dtype != .bool, operands.allSatisfy({ $0.dtype == dtype }) else {
            throw ShapeError(name, "needs numbers of one type, not \(operands.map(\.dtype))", shapes: shapes)
        }
        guard a.rank >= 2, a.rank == b.rank else {
            throw ShapeError(
                name, "needs two operands of one rank, at least 2, not \(a.rank) and \(b.rank)", shapes: shapes)
        }
        guard (0..<a.rank - 2).allSatisfy({ a[$0] == b[$0] }) else {
            throw ShapeError(name, "batch axes differ", shapes: shapes)
        }
        guard a[a.rank - 1] == b[b.rank - 2] else {
            throw ShapeError(
                name, "the left operand has \(a[a.rank - 1]) columns, the right one \(b[b.rank - 2]) rows",
                shapes: shapes)
        }
        let columns = b[b.rank - 1]
        if hasBias, operands[2].shape.rank != 1 || operands[2].shape[0] != columns {
            throw ShapeError(name, "the bias needs shape [\(columns)], one number a column", shapes: shapes)
        }
        var result = a
        result[a.rank - 1] = columns
        return [TensorType(result, dtype)]
    }
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?] {
        guard let cotangent = cotangents[0] else { return node.operands.map { _ in nil } }
        let (a, b) = (node.operands[0], node.operands[1])
        // An operand that is a transposed view (a Linear's weight) gets a transposed gradient, so that the gradient of what
        // is behind the view lies in memory as that does.
        var result: [Value?] = [nil, nil]
        if wanted[0] {
            result[0] =
                a.isTransposedView ? b.matmul(cotangent.transposed).transposed : cotangent.matmul(b.transposed)
        }
        if wanted[1] {
            result[1] =
                b.isTransposedView ? cotangent.transposed.matmul(a).transposed : a.transposed.matmul(cotangent)
        }
        if hasBias { result.append(wanted[2] ? cotangent.sum(Array(0..<cotangent.rank - 1)) : nil) }
        return result
    }
    package func pushforward(_ node: Node, _ tangents: [Value?]) -> [Value?] {
        let (a, b) = (node.operands[0], node.operands[1])
        let products = Value.sum(tangents[0].map { $0.matmul(b) }, tangents[1].map { a.matmul($0) })
        guard hasBias, let bias = tangents[2] else { return [products] }
        return [Value.sum(products, bias.expanded(toKnown: node.type.shape))]
    }

    /// One batch axis more; a batch of plain matrices times one matrix is a single taller product.
    package func batch(_ operands: [Value], isBatched: [Bool], size: Int, arguments: [Scalar]) -> [Value] {
        let (a, b) = (operands[0], operands[1])
        let bias = hasBias ? operands[2] : nil
        if let bias, isBatched[2] {
            let product =
                isBatched[0] || isBatched[1]
                ? MatrixProduct(hasBias: false).batch([a, b], isBatched: isBatched, size: size, arguments: [])[0]
                : a.matmul(b).repeatedAsBatch(size)
            // Each member adds its own bias: [size, 1..., n] beside the product.
            let ones = [Int](repeating: 1, count: product.rank - 2)
            return [product + bias.reshaped(known: Shape([size] + ones + [bias.shape[1]]))]
        }
        if isBatched[0], !isBatched[1], a.rank == 3 {
            let tall = a.reshaped(known: [size * a.shape[1], a.shape[2]]).matmul(b, bias: bias)
            return [tall.reshaped(known: [size, a.shape[1], b.shape[1]])]
        }
        let both = Value.batched([a, b], [isBatched[0], isBatched[1]], size)
        return [both[0].matmul(both[1], bias: bias)]
    }

    /// Sums in float64, rounded once at the end; integers wrap.
    package func evaluate(_ operands: [HostArray], arguments: [Scalar], results: [TensorType]) throws -> [HostArray] {
        let sizes = Array(operands[0].shape.sizes.suffix(2) + operands[1].shape.sizes.suffix(1))
        let count = results[0].shape.elementCount
        if results[0].dtype.isFloatingPoint {
            let bias = hasBias ? operands[2].reals : nil
            var sums = [Double](repeating: 0, count: count)
            let (a, b) = (operands[0].reals, operands[1].reals)
            MatrixProduct.forEachTerm(count: count, sizes) { sums[$0] += a[$1] * b[$2] }
            if let bias { for index in 0..<count { sums[index] += bias[index % sizes[2]] } }
            return [HostArray(results[0], real: sums)]
        }
        let bias = hasBias ? operands[2].integers : nil
        var sums = [Int](repeating: 0, count: count)
        let (a, b) = (operands[0].integers, operands[1].integers)
        MatrixProduct.forEachTerm(count: count, sizes) { sums[$0] &+= a[$1] &* b[$2] }
        if let bias { for index in 0..<count { sums[index] &+= bias[index % sizes[2]] } }
        return [HostArray(results[0], integer: sums)]
    }

    /// Visits (result, left, right) positions of every multiplication; `sizes` are m, k, n.
    private static func forEachTerm(count: Int, _ sizes: [Int], _ body: (Int, Int, Int) -> Void) {
        let (m, k, n) = (sizes[0], sizes[1], sizes[2])
        for position in 0..<count {
            let (matrix, row, column) = (position / (m * n), position / n % m, position % n)
            for term in 0..<k { body(position, (matrix * m + row) * k + term, (matrix * k + term) * n + column) }
        }
    }
    package func encode(into key: inout KeyWriter) { key.write(hasBias) }
}

extension Value {
    /// True for a view that exchanges the last two axes.
    fileprivate var isTransposedView: Bool {
        guard case .permute(let permute) = node.primitive else { return false }
        let order = permute.order
        return (0..<rank - 2).allSatisfy { order[$0] == $0 } && order[rank - 2] == rank - 1
    }

    /// The matrix product of NumPy's and PyTorch's `matmul`: types are promoted, batch axes broadcast.
    ///
    /// ## Shapes
    /// - `[k]` · `[k]` → `[]`; `[m, k]` · `[k]` → `[m]`; `[k]` · `[k, n]` → `[n]`
    /// - `[..., m, k]` · `[..., k, n]` → `[..., m, n]`
    package func matrixProduct(_ other: Value) throws(ShapeError) -> Value {
        let shapes = [shape, other.shape]
        guard rank >= 1, other.rank >= 1 else {
            throw ShapeError("matmul", "scalars have no matrix product; multiply them with *", shapes: shapes)
        }
        // A vector is a row on the left and a column on the right; its axis of size 1 is dropped from the result.
        let common = Value.productType(DataType.promoted(dtype, other.dtype))
        let left = (rank == 1 ? insertingAxis(0) : self).cast(to: common)
        let right = (other.rank == 1 ? other.insertingAxis(1) : other).cast(to: common)
        let (rows, columns) = (left.shape[left.rank - 2], right.shape[right.rank - 1])
        guard left.shape[left.rank - 1] == right.shape[right.rank - 2] else {
            throw ShapeError(
                "matmul",
                "\(left.shape[left.rank - 1]) columns on the left do not meet \(right.shape[right.rank - 2]) rows "
                    + "on the right", shapes: shapes)
        }
        guard common != .bool else {
            throw ShapeError("matmul", "booleans have no matrix product; cast them first", shapes: shapes)
        }
        let leftBatch = Shape(Array(left.shape.sizes.dropLast(2)))
        let rightBatch = Shape(Array(right.shape.sizes.dropLast(2)))
        let batch: Shape
        do { batch = try Shape.broadcast(leftBatch, rightBatch, operation: "matmul") } catch {
            throw ShapeError("matmul", "batch axes do not broadcast: \(leftBatch) and \(rightBatch)", shapes: shapes)
        }
        var kept = batch.sizes
        if rank > 1 { kept.append(rows) }
        if other.rank > 1 { kept.append(columns) }
        return try Value.product(left, right, batch: batch).reshaped(known: Shape(kept))
    }

    /// The product of matrices whose batch axes broadcast to `batch`, recorded in as few matrices as the shapes allow.
    private static func product(_ left: Value, _ right: Value, batch: Shape) throws(ShapeError) -> Value {
        let family = Primitive.matmul(MatrixProduct(hasBias: false))
        let (rows, terms, columns) = (
            left.shape[left.rank - 2], right.shape[right.rank - 2], right.shape[right.rank - 1]
        )
        if right.shape.sizes.dropLast(2).allSatisfy({ $0 == 1 }) {
            // One matrix on the right: the left ones stand on top of each other.
            let count = left.shape.sizes.dropLast(1).reduce(1, *)
            return try record(
                family, [left.reshaped(known: [count, terms]), right.reshaped(known: [terms, columns])])[0]
        }
        let operands = [
            left.expanded(toKnown: Shape(batch.sizes + [rows, terms])),
            right.expanded(toKnown: Shape(batch.sizes + [terms, columns])),
        ]
        return try record(family, operands)[0]
    }
}
