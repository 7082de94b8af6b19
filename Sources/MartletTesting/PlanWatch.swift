import MartletGraph
import MartletRuntime

/// The plans that are made while a body runs. One that was made before, in another test of the process, is met again and not made:
/// take shapes of your own.
package final class PlanWatch: @unchecked Sendable {
    // Touched under the lock.
    private var plans: [Plan] = []
    private let lock = Lock()

    private init() {}

    package static func plans(madeIn body: () throws -> Void) rethrows -> [Plan] {
        let watch = PlanWatch()
        try Planner.$watcher.withValue({ plan in watch.lock.withLock { watch.plans.append(plan) } }, operation: body)
        return watch.lock.withLock { watch.plans }
    }
}
