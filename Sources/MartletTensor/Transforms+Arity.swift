import MartletGraph

// The transformations for functions of two to four arguments: the arguments go as one tree.

/// Two trees as one.
private struct TreePair<A: TensorTree, B: TensorTree>: TensorTree {
    let a: A
    let b: B

    init(_ a: A, _ b: B) {
        self.a = a
        self.b = b
    }

    var leaves: [Tensor] { a.leaves + b.leaves }
    func replacing(_ leaves: inout ArraySlice<Tensor>) -> TreePair {
        let first = a.replacing(&leaves)
        return TreePair(first, b.replacing(&leaves))
    }
}

private typealias TreeTriple<A: TensorTree, B: TensorTree, C: TensorTree> = TreePair<TreePair<A, B>, C>
private typealias TreeQuadruple<A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree> =
    TreePair<TreePair<A, B>, TreePair<C, D>>

// MARK: Gradients

/// The gradients of a scalar function by its two arguments.
public func gradient<A: TensorTree, B: TensorTree>(of function: @escaping (A, B) -> Tensor) -> (A, B) -> (A, B) {
    { valueAndGradient(of: function)($0, $1).gradient }
}

/// The gradients of a scalar function by its three arguments.
public func gradient<A: TensorTree, B: TensorTree, C: TensorTree>(
    of function: @escaping (A, B, C) -> Tensor
) -> (A, B, C) -> (A, B, C) {
    { valueAndGradient(of: function)($0, $1, $2).gradient }
}

/// The gradients of a scalar function by its four arguments.
public func gradient<A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree>(
    of function: @escaping (A, B, C, D) -> Tensor
) -> (A, B, C, D) -> (A, B, C, D) {
    { valueAndGradient(of: function)($0, $1, $2, $3).gradient }
}

/// The value of a scalar function and its gradients by its two arguments.
public func valueAndGradient<A: TensorTree, B: TensorTree>(
    of function: @escaping (A, B) -> Tensor
) -> (A, B) -> (value: Tensor, gradient: (A, B)) {
    { a, b in
        let (value, found) = valueAndGradient(of: { (x: TreePair<A, B>) in function(x.a, x.b) })(TreePair(a, b))
        return (value, (found.a, found.b))
    }
}

/// The value of a scalar function and its gradients by its three arguments.
public func valueAndGradient<A: TensorTree, B: TensorTree, C: TensorTree>(
    of function: @escaping (A, B, C) -> Tensor
) -> (A, B, C) -> (value: Tensor, gradient: (A, B, C)) {
    { a, b, c in
        let whole = { (x: TreeTriple<A, B, C>) in function(x.a.a, x.a.b, x.b) }
        let (value, found) = valueAndGradient(of: whole)(TreePair(TreePair(a, b), c))
        return (value, (found.a.a, found.a.b, found.b))
    }
}

/// The value of a scalar function and its gradients by its four arguments.
public func valueAndGradient<A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree>(
    of function: @escaping (A, B, C, D) -> Tensor
) -> (A, B, C, D) -> (value: Tensor, gradient: (A, B, C, D)) {
    { a, b, c, d in
        let whole = { (x: TreeQuadruple<A, B, C, D>) in function(x.a.a, x.a.b, x.b.a, x.b.b) }
        let (value, found) = valueAndGradient(of: whole)(TreePair(TreePair(a, b), TreePair(c, d)))
        return (value, (found.a.a, found.a.b, found.b.a, found.b.b))
    }
}

// MARK: Forward mode and pullbacks

/// `jvp` for two arguments: the derivative along a direction of both.
///
///     jvp(of: f, at: (x, y), along: (u, v)) = (f(x, y), ∂f/∂x·u + ∂f/∂y·v)
public func jvp<A: TensorTree, B: TensorTree, R: TensorTree>(
    of function: (A, B) -> R, at arguments: (A, B), along directions: (A, B)
) -> (value: R, tangent: R) {
    jvp(
        of: { (x: TreePair<A, B>) in function(x.a, x.b) }, at: TreePair(arguments.0, arguments.1),
        along: TreePair(directions.0, directions.1))
}

/// `vjp` for two arguments: the pullback gives the cotangents of both.
public func vjp<A: TensorTree, B: TensorTree, R: TensorTree>(
    of function: (A, B) -> R, at arguments: (A, B)
) -> (value: R, pullback: (R) -> (A, B)) {
    let (value, pullback) = vjp(
        of: { (x: TreePair<A, B>) in function(x.a, x.b) }, at: TreePair(arguments.0, arguments.1))
    return (
        value,
        {
            let found = pullback($0)
            return (found.a, found.b)
        }
    )
}

// MARK: Batches

/// `vmap` for two arguments.
public func vmap<A: TensorTree, B: TensorTree, R: TensorTree>(_ function: @escaping (A, B) -> R) -> (A, B) -> R {
    { vmap { (x: TreePair<A, B>) in function(x.a, x.b) }(TreePair($0, $1)) }
}

/// `vmap` for three arguments.
public func vmap<A: TensorTree, B: TensorTree, C: TensorTree, R: TensorTree>(
    _ function: @escaping (A, B, C) -> R
) -> (A, B, C) -> R {
    { vmap { (x: TreeTriple<A, B, C>) in function(x.a.a, x.a.b, x.b) }(TreePair(TreePair($0, $1), $2)) }
}

/// `vmap` for four arguments.
public func vmap<A: TensorTree, B: TensorTree, C: TensorTree, D: TensorTree, R: TensorTree>(
    _ function: @escaping (A, B, C, D) -> R
) -> (A, B, C, D) -> R {
    {
        vmap { (x: TreeQuadruple<A, B, C, D>) in function(x.a.a, x.a.b, x.b.a, x.b.b) }(
            TreePair(TreePair($0, $1), TreePair($2, $3)))
    }
}
