import MartletGraph

// vmap, and what is built on it: Jacobians and Hessians.

/// A function of one example as a function of a batch: the batch is axis 0 of every argument and result.
///
/// The closure runs once, on placeholders: reading one stops. Each member of the batch draws its own random numbers.
public func vmap<A: TensorTree, R: TensorTree>(_ function: @escaping (A) -> R) -> (A) -> R {
    { argument in
        var shape: R?
        let outputs = batched(argument.leaves) { values in
            let result = function(argument.replacing(values: values))
            shape = result
            return result.leaves.map(\.value)
        }
        guard let shape else { stop("vmap: the function was not run") }
        return shape.replacing(values: outputs)
    }
}

private func batched(_ arguments: [Tensor], _ body: ([Value]) -> [Value]) -> [Value] {
    guard let size = arguments.first?.shape.first, arguments.allSatisfy({ $0.shape.first == size }) else {
        stop("vmap: every argument needs the batch as axis 0; the shapes are \(arguments.map(\.shape))")
    }
    return Batching.rewrite(arguments.map(\.value), isBatched: arguments.map { _ in true }, size: size, body)
}

/// The matrix of derivatives of a function at a point: shape `output shape + input shape`.
///
///     J[i..., j...] = ∂f[i...] / ∂x[j...]
public func jacobian(of function: @escaping (Tensor) -> Tensor, at point: Tensor) -> Tensor {
    jacobian(of: function)(point)
}

/// The Jacobian as a function of the point: rows by reverse mode, all at once.
public func jacobian(of function: @escaping (Tensor) -> Tensor) -> (Tensor) -> Tensor {
    { point in
        let (output, pullback) = vjp(of: function, at: point)
        let count = output.elementCount
        let basis = onNoDevice { Tensor.eye(count, dtype: output.dtype) }.reshape(Shape([count] + output.shape.sizes))
        let rows = vmap { (row: Tensor) in pullback(row) }(basis)
        return rows.reshape(Shape(output.shape.sizes + point.shape.sizes))
    }
}

/// The second derivatives of a scalar function at a point: shape `input shape + input shape`.
public func hessian(of function: @escaping (Tensor) -> Tensor, at point: Tensor) -> Tensor {
    hessian(of: function)(point)
}

/// The Hessian as a function of the point.
public func hessian(of function: @escaping (Tensor) -> Tensor) -> (Tensor) -> Tensor {
    jacobian(of: gradient(of: function))
}
