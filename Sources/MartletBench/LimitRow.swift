import MartletCPU

/// The row `limit`: a step is 2·10⁹ floating-point operations on registers, shared by the pool's threads.
enum LimitRow {
    static let operationsPerStep = 2_000_000_000

    /// Seconds that `steps` take.
    static func seconds(steps: Int) -> Double {
        let start = ContinuousClock.now
        MachineSpeed.multiplyAdd(operations: operationsPerStep * steps)
        let elapsed = (ContinuousClock.now - start).components
        return Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
    }
}
