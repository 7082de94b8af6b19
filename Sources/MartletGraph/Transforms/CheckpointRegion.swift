/// What one `checkpoint { }` recorded, as an identity: its nodes are not kept for a derivative but recorded again by it.
package final class CheckpointRegion: Sendable {
    /// The checkpoint that this one lies in.
    package let outer: CheckpointRegion?

    package init(inside outer: CheckpointRegion? = nil) { self.outer = outer }

    /// This one and those that it lies in, from the innermost.
    var chain: [CheckpointRegion] {
        var (chain, next) = ([self], outer)
        while let region = next {
            chain.append(region)
            next = region.outer
        }
        return chain
    }

    /// The outermost of those that it lies in, itself included.
    package var outermost: CheckpointRegion { chain[chain.count - 1] }
}

extension Node {
    /// True where a derivative may record the node again: sources are read where they are, and so is what gave up its operands.
    package var isRepeatable: Bool { leaf == nil && readsOperands && !hasLostOperands }
}
