import MartletGraph
import MartletRuntime

/// Runs `body` with a limit on the memory of each plan that is made in it: what a run reads, what it makes and keeps, and its
/// temporaries at their fullest.
///
/// Where a plan would need more, the planner computes forward results again in the backward pass instead of keeping them: first what
/// gives most memory for its time (normalisations and rectifiers, from the convolution's result), then longer stretches. Numbers are
/// the same bit for bit; a step takes longer, by one forward pass at most as a rule. Where no choice fits, whatever reads the result
/// stops, and throwing entry points throw, with the limit, the least that would do and the largest tensors by their layers.
///
/// Not counted is what engine kernels lease for themselves, and memory of other plans. `nil` takes a limit away. The environment
/// variable `MARTLET_MEMORY_LIMIT` (bytes, or `900M`, `2G`) sets it for the process; `checkpoint(_:)` says by hand what is repeated.
public func withMemoryLimit<Result>(_ byteCount: Int?, _ body: () throws -> Result) rethrows -> Result {
    if let byteCount {
        guard byteCount > 0 else { stop("withMemoryLimit: a limit of \(byteCount) bytes") }
        // The error names layers.
        Origin.isWatched = true
    }
    return try PlanSettings.with({ $0.memoryLimit = byteCount }, body)
}
