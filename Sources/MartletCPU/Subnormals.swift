import CMartletKernels
import MartletGraph

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Numbers that are not zero and smaller than the smallest normal one (`Float.leastNormalMagnitude`, 1.2e-38): kernels write
/// them as zero, and read what they are given. The processor takes about a hundred cycles to make one, and training makes them by
/// the million: where a gradient is zero from some step on, as behind a rectifier that is never on again, Adam's moments shrink
/// until they are subnormal, and stay so. `MARTLET_SUBNORMALS=keep` makes them, at that price.
enum Subnormals {
    /// What `MARTLET_SUBNORMALS` says, read once: `keep`, or nothing.
    private static let areKept: Bool = {
        switch getenv("MARTLET_SUBNORMALS").map({ String(cString: $0) }) ?? "" {
        case "": return false
        case "keep": return true
        case let text: stop("MARTLET_SUBNORMALS: \"\(text)\" is no way with small numbers; keep or nothing is expected")
        }
    }()

    /// What a body makes where this thread and those that work for it flush subnormal numbers, if they should. The thread has its
    /// own mode again afterwards: what a program computes by itself is the program's matter.
    static func settled<Result>(_ body: () throws -> Result) rethrows -> Result {
        if areKept { return try body() }
        let mode = mk_subnormals_flush()
        defer { mk_floating_point_set_mode(mode) }
        return try body()
    }
}
