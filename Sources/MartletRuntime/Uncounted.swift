import MartletGraph

/// Calls `body` with a node that something else holds meanwhile: no reference is counted.
///
/// A flush walks its nodes and their operands several times, and what it does with each costs less than a count; an
/// `unowned(unsafe)` variable is still counted around calls.
@inline(__always)
func uncounted<Result>(_ node: Node, _ body: (Node) throws -> Result) rethrows -> Result {
    try Unmanaged.passUnretained(node)._withUnsafeGuaranteedRef { try body($0) }
}
