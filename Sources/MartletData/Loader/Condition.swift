import Foundation
import MartletTensor

/// A lock's waiting room, over `pthread_cond` as `Lock` is over `pthread_mutex`.
///
/// `@unchecked Sendable`: the condition lives at a fixed address of its own and is only touched by the pthread calls.
final class Condition: @unchecked Sendable {
    private let condition: UnsafeMutablePointer<pthread_cond_t>

    init() {
        condition = .allocate(capacity: 1)
        condition.initialize(to: pthread_cond_t())
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        condition.deallocate()
    }

    /// Gives up `lock`, which the caller holds, until woken; spurious returns happen, so callers wait in a loop.
    func wait(_ lock: Lock) { pthread_cond_wait(condition, lock.mutex) }

    /// Wakes all that wait.
    func broadcast() { pthread_cond_broadcast(condition) }
}
