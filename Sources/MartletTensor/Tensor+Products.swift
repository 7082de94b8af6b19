import MartletGraph

// Matrix products and linear algebra.

/// The matrix product: vectors are rows on the left and columns on the right, batch axes broadcast, types are promoted.
///
/// ## Shapes
/// - `[k]` · `[k]` → `[]`; `[m, k]` · `[k]` → `[m]`; `[..., m, k]` · `[..., k, n]` → `[..., m, n]`
public func matmul(_ a: Tensor, _ b: Tensor) -> Tensor {
    Tensor.recording { () throws(ShapeError) in try a.value.matrixProduct(b.value) }
}

/// x·Wᵀ + b: what a fully connected layer computes.
///
/// ## Shapes
/// - x `[..., inputs]`, weight `[outputs, inputs]`, bias `[outputs]` → `[..., outputs]`
public func linear(_ x: Tensor, _ weight: Tensor, bias: Tensor? = nil) -> Tensor {
    Tensor.recording { () throws(ShapeError) in
        var operands = [x.value, weight.value]
        if let bias { operands.append(bias.value) }
        let (shape, weightShape) = (x.shape, weight.shape)
        guard weightShape.rank == 2, let inputs = shape.last, inputs == weightShape[1] else {
            throw ShapeError(
                "linear", "needs x [..., inputs] and a weight [outputs, inputs]", shapes: operands.map(\.shape))
        }
        if let bias, bias.shape.rank != 1 || bias.shape[0] != weightShape[0] {
            throw ShapeError(
                "linear", "the bias needs shape [\(weightShape[0])], one number an output",
                shapes: operands.map(\.shape))
        }
        operands = Value.promotedForProduct(operands)
        operands[1] = operands[1].transposed
        let family = Primitive.matmul(MatrixProduct(hasBias: bias != nil))
        if shape.rank == 2 { return try Value.recordOne(family, operands) }
        let rows = shape.sizes.dropLast().reduce(1, *)
        operands[0] = operands[0].reshaped(known: [rows, inputs])
        return try Value.recordOne(family, operands)
            .reshaped(known: Shape(shape.sizes.dropLast() + [weightShape[0]]))
    }
}

/// Σ aᵢ·bᵢ of two vectors.
public func dot(_ a: Tensor, _ b: Tensor) -> Tensor {
    guard a.rank == 1, b.rank == 1 else { stop("dot: needs two vectors, not shapes \(a.shape) and \(b.shape)") }
    return matmul(a, b)
}

/// The matrix aᵢ·bⱼ of two vectors.
public func outer(_ a: Tensor, _ b: Tensor) -> Tensor {
    guard a.rank == 1, b.rank == 1 else { stop("outer: needs two vectors, not shapes \(a.shape) and \(b.shape)") }
    return a.unsqueeze(axis: 1) * b.unsqueeze(axis: 0)
}

extension Tensor {
    private func recordingAlgebra(_ body: (Value) throws(ShapeError) -> Value) -> Tensor {
        Tensor.recording { () throws(ShapeError) in try body(value) }
    }

    /// X of self·X = right, for square matrices (the last two axes); a vector `right` gives a vector.
    public func solve(_ right: Tensor) -> Tensor {
        recordingAlgebra { value throws(ShapeError) in try value.solve(right.value) }
    }

    /// X of self·X = right, reading the lower (or upper) triangle of self.
    public func triangularSolve(
        _ right: Tensor, lower: Bool = true, transposed: Bool = false, unitDiagonal: Bool = false
    ) -> Tensor {
        recordingAlgebra { value throws(ShapeError) in
            try value.triangularSolve(right.value, lower: lower, transposed: transposed, unitDiagonal: unitDiagonal)
        }
    }

    /// L with L·Lᵀ = self, self symmetric and positive definite.
    public func cholesky() -> Tensor { recordingAlgebra { value throws(ShapeError) in try value.cholesky() } }

    /// self⁻¹.
    public func inverse() -> Tensor { recordingAlgebra { value throws(ShapeError) in try value.inverse() } }

    /// The determinant of each matrix.
    public func determinant() -> Tensor { recordingAlgebra { value throws(ShapeError) in try value.determinant() } }

    /// The determinant's sign and the logarithm of its size.
    public func logAbsDeterminant() -> (sign: Tensor, logarithm: Tensor) {
        do throws(ShapeError) {
            let (sign, logarithm) = try value.logAbsDeterminant()
            return (Tensor(sign), Tensor(logarithm))
        } catch { stop(error.description) }
    }

    /// self = Q·R with orthonormal columns of Q and R upper triangular.
    public func qr() -> (q: Tensor, r: Tensor) {
        do throws(ShapeError) {
            let (q, r) = try value.qr()
            return (Tensor(q), Tensor(r))
        } catch { stop(error.description) }
    }

    /// self = U·diag(S)·Vᵀ, S falling.
    public func svd() -> (u: Tensor, s: Tensor, vt: Tensor) {
        do throws(ShapeError) {
            let (u, s, vt) = try value.svd()
            return (Tensor(u), Tensor(s), Tensor(vt))
        } catch { stop(error.description) }
    }

    /// The elements on a diagonal of the last two axes, as the last axis; `offset` counts upwards from the main one.
    public func diagonal(offset: Int = 0) -> Tensor {
        guard rank >= 2 else { stop("diagonal: needs at least two axes, the shape is \(shape)") }
        let (rows, columns) = (shape[rank - 2], shape[rank - 1])
        let (row, column) = (Swift.max(0, -offset), Swift.max(0, offset))
        let count = Swift.max(0, Swift.min(rows - row, columns - column))
        let flat = value.reshaped(known: Shape(shape.sizes.dropLast(2) + [rows * columns]))
        let positions = Value.iota([count], axis: 0) * Double(columns + 1) + Double(row * columns + column)
        return Tensor(flat.select(positions, axis: rank - 2))
    }

    /// The sum of the main diagonal.
    public func trace() -> Tensor { diagonal().sum(axis: -1) }

    /// √Σx², over all elements or some axes, summed in float32 where the type is narrower; where it is 0 its derivative is 0.
    public func norm(axes: [Int]? = nil, keepingAxes: Bool = false) -> Tensor {
        let squares = Tensor(value.forStatistics).square().sum(axes: axes, keepingAxes: keepingAxes)
        return Tensor(squares.value.normRoot.cast(to: dtype.quotientType))
    }
}
