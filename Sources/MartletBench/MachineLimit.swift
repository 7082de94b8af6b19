import CMartletBench
import Foundation

/// The row `limit`: a step is 10⁹ floating-point operations on registers, on each of two threads.
enum MachineLimit {
    static let operationsPerStep: Int64 = 1_000_000_000
    static let threads = 2

    /// Seconds that `steps` take; the threads run side by side.
    static func seconds(steps: Int) -> Double {
        let start = ContinuousClock.now
        DispatchQueue.concurrentPerform(iterations: threads) { _ in
            _ = mb_multiply_add(operationsPerStep * Int64(steps))
        }
        let elapsed = (ContinuousClock.now - start).components
        return Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
    }
}
