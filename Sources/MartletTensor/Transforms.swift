import MartletGraph

// Functions to functions: gradient, jvp, vjp. Each runs the closure on the values themselves, so that control flow may read
// them; they compose with one another and with vmap and compile in any order.

/// The gradient of a scalar function by its argument.
///
///     gradient(of: f)(x) = ∂f/∂x
public func gradient<A: TensorTree>(of function: @escaping (A) -> Tensor) -> (A) -> A {
    { argument in valueAndGradient(of: function)(argument).gradient }
}

/// As `gradient(of:)`, under the name of JAX's `grad`.
public func gradient<A: TensorTree>(_ function: @escaping (A) -> Tensor) -> (A) -> A { gradient(of: function) }

/// The gradient of a scalar function at a point.
public func gradient<A: TensorTree>(of function: @escaping (A) -> Tensor, at argument: A) -> A {
    gradient(of: function)(argument)
}

/// The value of a scalar function and its gradient by its argument.
public func valueAndGradient<A: TensorTree>(
    of function: @escaping (A) -> Tensor
) -> (A) -> (value: Tensor, gradient: A) {
    { argument in
        let (value, gradients) = differentiated(argument.leaves) { function(argument.replacing(values: $0)) }
        return (value, argument.replacing(values: gradients))
    }
}

/// The value of a scalar function and its gradient at a point.
public func valueAndGradient<A: TensorTree>(
    of function: @escaping (A) -> Tensor, at argument: A
) -> (value: Tensor, gradient: A) {
    valueAndGradient(of: function)(argument)
}

/// Runs `function` on differentiable aliases of the tensors and walks back from its value, which is then cut off from them where
/// nothing else that is differentiable (what an outer derivative goes by, a parameter) stands behind it.
private func differentiated(
    _ arguments: [Tensor], _ function: ([Value]) -> Tensor
) -> (value: Tensor, gradients: [Value]) {
    let keepsHistory = Modes.current.recordsHistory
    return recordingHistory {
        let aliases = arguments.map { differentiable($0.value) }
        let output = function(aliases)
        guard output.elementCount == 1 else {
            stop("gradient(of:): the function gives shape \(output.shape); a gradient is that of one number")
        }
        let (found, haveHistory) = Differentiation.gradientsAndHistory(
            of: [output.value], cotangents: [output.value.ones()], by: aliases)
        let value = haveHistory && keepsHistory ? output : output.detached()
        return (value, zip(aliases, found).map { $1 ?? $0.zeros() })
    }
}

/// Runs `body` with a history, also inside `withoutGradient`: a derivative is asked for.
private func recordingHistory<Result>(_ body: () -> Result) -> Result {
    Modes.with({ $0.recordsHistory = true }, body)
}

/// An alias to differentiate by; what has no derivative (integers) passes as it is.
private func differentiable(_ value: Value) -> Value {
    value.dtype.isFloatingPoint ? value.differentiableAlias() : value
}

/// The value of a function at a point and its derivative along a direction (forward mode).
///
///     jvp(of: f, at: x, along: v) = (f(x), J(x)·v)
public func jvp<A: TensorTree, R: TensorTree>(
    of function: (A) -> R, at argument: A, along direction: A
) -> (value: R, tangent: R) {
    recordingHistory {
        let aliases = argument.leaves.map { differentiable($0.value) }
        for (point, tangent) in zip(argument.leaves, direction.leaves) where point.shape != tangent.shape {
            stop("jvp: the direction's shape \(tangent.shape) is not the point's \(point.shape)")
        }
        let output = Modes.with({ $0.isForward = true }) { function(argument.replacing(values: aliases)) }
        let tangents = zip(aliases, direction.leaves).map { Optional($1.value.cast(to: $0.dtype)) }
        let outputs = output.leaves.map(\.value)
        let found = Differentiation.tangents(of: outputs, from: aliases, along: tangents)
        return (output, output.replacing(values: zip(outputs, found).map { $1 ?? $0.zeros() }))
    }
}

/// The value of a function at a point and its pullback: from a cotangent of the value to that of the argument.
///
///     vjp(of: f, at: x) = (f(x), { w in wᵀ·J(x) })
public func vjp<A: TensorTree, R: TensorTree>(
    of function: (A) -> R, at argument: A
) -> (value: R, pullback: (R) -> A) {
    recordingHistory {
        let aliases = argument.leaves.map { differentiable($0.value) }
        let output = function(argument.replacing(values: aliases))
        let pullback = { (cotangent: R) -> A in
            for (value, given) in zip(output.leaves, cotangent.leaves) where value.shape != given.shape {
                stop("vjp: the cotangent's shape \(given.shape) is not the value's \(value.shape)")
            }
            let outputs = output.leaves.map(\.value)
            let cotangents = zip(outputs, cotangent.leaves).map { Optional($1.value.cast(to: $0.dtype)) }
            let found = Differentiation.gradients(of: outputs, cotangents: cotangents, by: aliases)
            return argument.replacing(values: zip(aliases, found).map { $1 ?? $0.zeros() })
        }
        return (output, pullback)
    }
}
