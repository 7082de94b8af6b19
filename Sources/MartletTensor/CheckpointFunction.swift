import MartletGraph

// Activation checkpointing: memory for time. (What writes a training run to a file is `Checkpoint`, in MartletTraining.)

/// Runs `body` so that nothing it makes is kept for `backward()`: the derivative computes it again from what `body` read.
///
/// Values and gradients are the same, bit for bit; what a backward pass needs memory for shrinks to the inputs of each checkpoint
/// and the inside of one, for about one forward pass more. The closure runs once: it is the recorded operations that are repeated,
/// so that running statistics are followed once, and dropout's random numbers are the same both times. Checkpoints may lie inside
/// one another, derivatives of derivatives may be taken, and it is the same inside `compile` and `vmap`. Without a derivative it
/// changes nothing.
///
///     var y = x
///     for block in blocks { y = checkpoint { block(y) } }
///     crossEntropy(head(y), labels).backward()
///
/// What the closure itself returns (and what it hands out otherwise and somebody holds) stays in memory as always.
///
/// Source: T. Chen et al. (2016), "Training deep nets with sublinear memory cost"; as torch.utils.checkpoint.
public func checkpoint<Result>(_ body: () throws -> Result) rethrows -> Result {
    let region = CheckpointRegion(inside: Modes.current.checkpoint)
    return try Modes.with({ $0.checkpoint = region }, body)
}

/// A function that keeps nothing for its derivative: see `checkpoint(_:)`. As jax.checkpoint.
///
///     let slope = gradient(of: checkpoint(of: f))
public func checkpoint<A: TensorTree, R: TensorTree>(of function: @escaping (A) -> R) -> (A) -> R {
    { argument in checkpoint { function(argument) } }
}

/// The value of a function at a point, with nothing kept for its derivative: see `checkpoint(_:)`.
public func checkpoint<A: TensorTree, R: TensorTree>(of function: (A) -> R, at argument: A) -> R {
    checkpoint { function(argument) }
}
