import MartletGraph
import MartletRuntime

/// What `Profiler.record` saw: plans made, plans run, kernels.
public struct Profile: Sendable {
    let runs: [Profiling.PlanRun]
    let plannings: [Profiling.Planning]
    private let start: UInt64
    private let end: UInt64
    private let thread: ThreadIdentity
    /// The most bytes in buffers and temporaries at one time, the processor's.
    public let peakByteCount: Int

    init(_ recorder: ProfileRecorder, peakByteCount: Int) {
        runs = recorder.runs
        plannings = recorder.plannings
        (start, end, thread) = (recorder.start, recorder.end, recorder.thread)
        self.peakByteCount = peakByteCount
    }

    private init(_ first: Profile, then second: Profile) {
        runs = first.runs + second.runs
        plannings = first.plannings + second.plannings
        (start, end, thread) = (min(first.start, second.start), max(first.end, second.end), first.thread)
        peakByteCount = max(first.peakByteCount, second.peakByteCount)
    }

    /// Both as one, from the beginning of the first to the end of the second: a warm-up and what follows it, for one trace.
    public func followed(by later: Profile) -> Profile { Profile(self, then: later) }

    // MARK: Totals

    /// From beginning to end, in seconds.
    public var seconds: Double { Self.seconds(start, end) }

    /// In kernels, on all threads.
    public var kernelSeconds: Double {
        runs.reduce(0) { $0 + $1.kernels.reduce(0) { $0 + Self.seconds($1.start, $1.end) } }
    }

    /// Plans that were made.
    public var planCount: Int { plannings.count }
    /// Runs of plans.
    public var runCount: Int { runs.count }

    /// Making plans, on all threads.
    public var planningSeconds: Double { plannings.reduce(0) { $0 + Self.seconds($1.start, $1.end) } }

    /// In runs of plans but in no kernel of theirs: finding memory, working out addresses, handing over to another thread.
    public var dispatchSeconds: Double {
        max(0, runs.reduce(0) { $0 + Self.seconds($1.start, $1.end) } - kernelSeconds)
    }

    /// On the recording thread, outside all of that: recording operations, finding plans again, and the program's own work.
    public var recordingSeconds: Double {
        let own =
            runs.filter { $0.requester == thread }.map { Self.seconds($0.start, $0.end) }
            + plannings.filter { $0.thread == thread }.map { Self.seconds($0.start, $0.end) }
        return max(0, seconds - own.reduce(0, +))
    }

    private static func seconds(_ start: UInt64, _ end: UInt64) -> Double {
        end > start ? Double(end - start) * 1e-9 : 0
    }

    // MARK: Events

    /// Something that took time on a thread.
    public struct Event: Sendable, Equatable {
        /// What kind of work it was.
        public enum Kind: String, Sendable {
            /// A plan was made.
            case planning
            /// A plan was run, its kernels within.
            case run
            /// One kernel.
            case kernel
        }
        public let kind: Kind
        /// The kernel's name (`matmul`, `fused(add relu)`), or what was planned or run.
        public let name: String
        /// 0 is the thread that recorded; others are numbered as they are met.
        public let thread: Int
        /// Seconds from the beginning of the profile.
        public let start: Double
        /// Its duration.
        public let seconds: Double
        /// Operands and results, `32×784, 784×128 → 32×128`; empty for what is no kernel.
        public let shapes: String
        /// Operations on numbers, a multiply-add counted as two.
        public let flops: Int
        /// Bytes read and written, each operand and result once.
        public let bytes: Int
        /// The layers whose work it is, where plans know them.
        public let layers: [String]
    }

    /// Everything that was seen, in order of its beginning; what contains comes before what it contains.
    ///
    /// A run belongs to the thread that asked for it, kernels to the one that called them.
    public var events: [Event] {
        var threads = [thread: 0]
        func number(_ identity: ThreadIdentity) -> Int {
            if let known = threads[identity] { return known }
            threads[identity] = threads.count
            return threads.count - 1
        }
        var events = plannings.map { planning in
            Event(
                kind: .planning, name: "plan \(planning.kernelCount) kernels", thread: number(planning.thread),
                start: Self.seconds(start, planning.start), seconds: Self.seconds(planning.start, planning.end),
                shapes: "", flops: 0, bytes: 0, layers: [])
        }
        var facts = KernelFacts()
        for run in runs {
            events.append(
                Event(
                    kind: .run, name: "run \(run.plan.descriptions.count { !$0.isOnDemand }) kernels",
                    thread: number(run.requester),
                    start: Self.seconds(start, run.start), seconds: Self.seconds(run.start, run.end), shapes: "",
                    flops: 0, bytes: 0, layers: []))
            let executor = number(run.executor)
            for (fact, time) in zip(facts.of(run.plan), run.kernels) {
                events.append(
                    Event(
                        kind: .kernel, name: fact.name, thread: executor, start: Self.seconds(start, time.start),
                        seconds: Self.seconds(time.start, time.end), shapes: fact.shapes, flops: fact.cost.flops,
                        bytes: fact.cost.bytes, layers: fact.layers))
            }
        }
        return events.sorted { ($0.start, -$0.seconds) < ($1.start, -$1.seconds) }
    }
}

/// What is known of each plan's kernels, worked out once a plan.
struct KernelFacts {
    struct Fact {
        let name: String
        let shapes: String
        let layers: [String]
        let cost: Cost
        let dtype: DataType
    }

    private var known: [ObjectIdentifier: [Fact]] = [:]

    mutating func of(_ plan: Plan) -> [Fact] {
        if let facts = known[ObjectIdentifier(plan)] { return facts }
        let facts = plan.descriptions.map { step in
            Fact(
                name: step.name, shapes: step.shapeText, layers: step.origins.map(\.description),
                // Where it ran at all, its time is that of the step that it served.
                cost: step.isOnDemand ? .none : step.cost,
                dtype: step.computedType ?? .float32)
        }
        known[ObjectIdentifier(plan)] = facts
        return facts
    }
}
