import MartletGraph
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Who is told what the process plans and runs, and when: nobody, as a rule, and then a run costs one look at `isOn`.
package enum Profiling {
    /// True while some recorder listens.
    static var isOn: Bool { flag.load(ordering: .relaxed) }

    private static let flag = Atomic<Bool>(false)
    private static let lock = Lock()
    nonisolated(unsafe) private static var recorders: [ProfileRecorder] = []
    /// What `Origin.isWatched` goes back to when the last recorder leaves.
    nonisolated(unsafe) private static var wasWatched = false

    /// Whether origins are watched when nobody records.
    package static var watchesOrigins: Bool {
        get { lock.withLock { recorders.isEmpty ? Origin.isWatched : wasWatched } }
        set {
            lock.withLock {
                wasWatched = newValue
                if recorders.isEmpty { Origin.isWatched = newValue }
            }
        }
    }

    /// From now on the recorder is told; layers say which one is being called.
    package static func begin(_ recorder: ProfileRecorder) {
        lock.withLock {
            if recorders.isEmpty { wasWatched = Origin.isWatched }
            recorders.append(recorder)
            Origin.isWatched = true
            flag.store(true, ordering: .relaxed)
        }
        recorder.start = now()
    }

    package static func end(_ recorder: ProfileRecorder) {
        recorder.end = now()
        lock.withLock {
            recorders.removeAll { $0 === recorder }
            guard recorders.isEmpty else { return }
            Origin.isWatched = wasWatched
            flag.store(false, ordering: .relaxed)
        }
    }

    static func add(_ run: PlanRun) {
        lock.withLock { for recorder in recorders { recorder.add(run) } }
    }

    /// Makes a plan, and tells how long it took.
    static func planning(_ make: () throws -> Plan) rethrows -> Plan {
        guard isOn else { return try make() }
        let start = now()
        let plan = try make()
        let planning = Planning(thread: ThreadIdentity.current, start: start, end: now(), kernelCount: plan.steps.count)
        lock.withLock { for recorder in recorders { recorder.add(planning) } }
        return plan
    }

    /// Nanoseconds of a clock that only goes forward.
    package static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }

    /// A plan that was made.
    package struct Planning: Sendable {
        package let thread: ThreadIdentity
        package let start: UInt64
        package let end: UInt64
        package let kernelCount: Int
    }

    /// A plan that was run, from the allocation of its memory to its last kernel.
    package struct PlanRun: Sendable {
        package let plan: Plan
        /// The thread that asked for the values, and the one that called the kernels.
        package let requester: ThreadIdentity
        package let executor: ThreadIdentity
        package let start: UInt64
        package let end: UInt64
        /// Start and end of each kernel; fewer than the plan has where one of them failed.
        package let kernels: [(start: UInt64, end: UInt64)]
    }
}

/// A thread of this process, told apart from others while it lives.
package struct ThreadIdentity: Hashable, Sendable {
    private let handle: UInt

    package static var current: ThreadIdentity {
        #if canImport(Glibc)
            ThreadIdentity(handle: UInt(pthread_self()))
        #else
            ThreadIdentity(handle: UInt(bitPattern: pthread_self()))
        #endif
    }
}

/// What was planned and run between two moments, by all threads.
///
/// `@unchecked Sendable`: lists are touched under `lock`; start and end are set by the thread that begins and ends it.
package final class ProfileRecorder: @unchecked Sendable {
    package fileprivate(set) var start: UInt64 = 0
    package fileprivate(set) var end: UInt64 = 0
    /// The thread that records.
    package let thread = ThreadIdentity.current

    private let lock = Lock()
    private var runList: [Profiling.PlanRun] = []
    private var planningList: [Profiling.Planning] = []

    package init() {}

    package var runs: [Profiling.PlanRun] { lock.withLock { runList } }
    package var plannings: [Profiling.Planning] { lock.withLock { planningList } }

    fileprivate func add(_ run: Profiling.PlanRun) { lock.withLock { runList.append(run) } }
    fileprivate func add(_ planning: Profiling.Planning) { lock.withLock { planningList.append(planning) } }
}

/// Takes the times of one run of a plan, around each kernel where it runs.
final class RunClock {
    private let requester = ThreadIdentity.current
    private let start = Profiling.now()
    private var executor: ThreadIdentity?
    private var kernels: [(start: UInt64, end: UInt64)] = []

    init(kernelCount: Int) { kernels.reserveCapacity(kernelCount) }

    /// Says that the kernels are called from here.
    func enter() { executor = .current }

    func time(_ kernel: () throws -> Void) rethrows {
        let start = Profiling.now()
        try kernel()
        kernels.append((start, Profiling.now()))
    }

    func finish(_ plan: Plan) {
        Profiling.add(
            Profiling.PlanRun(
                plan: plan, requester: requester, executor: executor ?? requester, start: start, end: Profiling.now(),
                kernels: kernels))
    }
}
