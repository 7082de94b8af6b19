import MartletCPU
import MartletRuntime

/// What this machine can do at most, with all of the pool's threads: a kernel takes at least the time of its arithmetic, and of
/// its memory traffic.
public struct MachineLimit: Sendable, Equatable {
    /// Floating-point operations a second in float32, multiply-adds on registers counted as two.
    public let flopsPerSecond: Double
    /// Bytes read and written a second by a copy between two large pieces of memory.
    public let bytesPerSecond: Double

    /// A limit of these figures.
    public init(flopsPerSecond: Double, bytesPerSecond: Double) {
        (self.flopsPerSecond, self.bytesPerSecond) = (flopsPerSecond, bytesPerSecond)
    }

    /// The limit of this machine, the best of several repeats; measured where it is asked for first, in about half a second.
    public static let measured = MachineLimit(measuring: 8)

    private init(measuring repeats: Int) {
        _ = CPUBackend.shared
        var (flops, bytes) = (0.0, 0.0)
        let memory = MachineSpeed.CopyBench()
        for _ in 0..<repeats {
            flops = max(flops, MachineLimit.rate { MachineSpeed.multiplyAdd(operations: 4_000_000_000) })
            bytes = max(bytes, MachineLimit.rate { memory.copy() })
        }
        (flopsPerSecond, bytesPerSecond) = (flops, bytes)
    }

    private static func rate(_ work: () -> Int) -> Double {
        let start = Profiling.now()
        let amount = work()
        return Double(amount) / (Double(max(1, Profiling.now() - start)) * 1e-9)
    }

    /// The arithmetic intensity (operations a byte) from which on arithmetic is the limit.
    public var ridge: Double { flopsPerSecond / bytesPerSecond }

    /// The least time that a work takes, in seconds: the roofline (S. Williams, A. Waterman and D. Patterson, "Roofline", 2009).
    ///
    /// float64 counts half the float32 rate; narrower types count as float32, which a machine with kernels for them exceeds.
    public func seconds(flops: Int, bytes: Int, dtype: DataType = .float32) -> Double {
        max(arithmeticSeconds(flops, dtype), Double(bytes) / bytesPerSecond)
    }

    /// True where a work's arithmetic takes longer than its memory traffic.
    public func isComputeBound(flops: Int, bytes: Int, dtype: DataType = .float32) -> Bool {
        arithmeticSeconds(flops, dtype) > Double(bytes) / bytesPerSecond
    }

    private func arithmeticSeconds(_ flops: Int, _ dtype: DataType) -> Double {
        Double(flops) / (dtype == .float64 ? flopsPerSecond / 2 : flopsPerSecond)
    }
}
