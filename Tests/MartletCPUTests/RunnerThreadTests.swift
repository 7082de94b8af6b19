import CMartletKernels
import Foundation
import MartletCPU
import MartletGraph
import MartletRuntime
import Testing

/// Which thread runs parallel plans: each test is a process of its own.
@Suite("Runner thread")
struct RunnerThreadTests {
    /// Where the kernels of a run were called.
    private static func place(isParallel: Bool) -> pthread_t? {
        nonisolated(unsafe) var place: pthread_t?
        _ = try? CPUBackend.shared.run(isParallel: isParallel) { place = pthread_self() }
        return place
    }

    private static func onThread(_ body: @escaping @Sendable () -> Void) {
        // A semaphore, so that what the thread wrote is seen, and ThreadSanitizer sees why.
        let done = DispatchSemaphore(value: 0)
        let thread = Thread {
            body()
            done.signal()
        }
        thread.start()
        done.wait()
    }

    @Test(
        "One thread's parallel plans run in place; from the second thread on all run on one thread, others stay where they are"
    )
    func sharing() async {
        await #expect(processExitsWith: .success) {
            let own = pthread_self()
            #expect(RunnerThreadTests.place(isParallel: true) == own)
            RunnerThreadTests.onThread { _ = RunnerThreadTests.place(isParallel: false) }
            #expect(RunnerThreadTests.place(isParallel: true) == own)
            nonisolated(unsafe) var second: pthread_t?
            RunnerThreadTests.onThread {
                second = RunnerThreadTests.place(isParallel: true)
                #expect(second != pthread_self())
            }
            #expect(second != own)
            #expect(RunnerThreadTests.place(isParallel: true) == second)
            #expect(RunnerThreadTests.place(isParallel: false) == own)
        }
    }

    @Test("A thread of low priority runs its plans where it is, and starts no runner")
    func background() async {
        await #expect(processExitsWith: .success) {
            let own = pthread_self()
            RunnerThreadTests.onThread {
                setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 19)
                #expect(RunnerThreadTests.place(isParallel: true) == pthread_self())
            }
            #expect(RunnerThreadTests.place(isParallel: true) == own)
            RunnerThreadTests.onThread {
                setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 19)
                #expect(RunnerThreadTests.place(isParallel: true) == pthread_self())
            }
            #expect(RunnerThreadTests.place(isParallel: true) == own)
        }
    }

    @Test("What a kernel throws on the runner thread reaches the caller")
    func failure() async {
        await #expect(processExitsWith: .success) {
            struct Fault: Error {}
            _ = RunnerThreadTests.place(isParallel: true)
            RunnerThreadTests.onThread { _ = RunnerThreadTests.place(isParallel: true) }
            #expect(throws: Fault.self) { try CPUBackend.shared.run(isParallel: true) { throw Fault() } }
        }
    }

    @Test("Parallel plans of many threads run one after the other")
    func oneAtATime() async {
        await #expect(processExitsWith: .success) {
            let running = Lock()
            nonisolated(unsafe) var (inside, most, done) = (0, 0, 0)
            let threads = (0..<8).map { _ in
                Thread {
                    for _ in 0..<50 {
                        _ = try? CPUBackend.shared.run(isParallel: true) {
                            running.withLock { (inside, most) = (inside + 1, max(most, inside + 1)) }
                            usleep(50)
                            running.withLock { inside -= 1 }
                        }
                    }
                    running.withLock { done += 1 }
                }
            }
            // The first caller is on a thread of its own: it ran in place before.
            _ = RunnerThreadTests.place(isParallel: true)
            RunnerThreadTests.onThread { _ = RunnerThreadTests.place(isParallel: true) }
            for thread in threads { thread.start() }
            while running.withLock({ done < 8 }) { usleep(1000) }
            #expect(most == 1)
        }
    }
}
