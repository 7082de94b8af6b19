import MartletGraph
import MartletRuntime

extension Profile {
    /// What a profile's rows bring together.
    public enum Grouping: String, Sendable, CaseIterable {
        /// Calls of one kernel on the same shapes for the same layers.
        case kernel
        /// Everything that a layer's calls and their derivatives need; a kernel of several layers counts for the first.
        case layer
    }

    /// Calls that belong together.
    public struct Row: Sendable {
        /// The kernel, or the layer.
        public let name: String
        /// The kernel's shapes; empty where a layer's kernels are together.
        public let shapes: String
        /// The layers of a kernel, with commas between; empty where plans do not know them.
        public let layers: String
        /// Calls of kernels.
        public private(set) var calls = 0
        /// Seconds in these calls, together.
        public private(set) var seconds = 0.0
        /// Operations on numbers in these calls.
        public private(set) var flops = 0
        /// Bytes touched in these calls.
        public private(set) var bytes = 0
        /// For each different work, how often it was done: limits hold a call at a time.
        private var works: [Work: Int] = [:]

        private struct Work: Hashable, Sendable {
            let cost: Cost
            let dtype: DataType
        }

        init(_ name: String, shapes: String = "", layers: String = "") {
            (self.name, self.shapes, self.layers) = (name, shapes, layers)
        }

        mutating func add(_ fact: KernelFacts.Fact, nanoseconds: UInt64) {
            calls += 1
            seconds += Double(nanoseconds) * 1e-9
            flops += fact.cost.flops
            bytes += fact.cost.bytes
            works[Work(cost: fact.cost, dtype: fact.dtype), default: 0] += 1
        }

        /// 10⁹ operations a second.
        public var gigaflopsPerSecond: Double { seconds > 0 ? Double(flops) / seconds * 1e-9 : 0 }
        /// 10⁹ bytes a second.
        public var gigabytesPerSecond: Double { seconds > 0 ? Double(bytes) / seconds * 1e-9 : 0 }

        /// The least time that the machine could need, over the time it took: 1 is the roofline. More than 1 is possible where
        /// data came from a cache.
        public func share(of limit: MachineLimit) -> Double {
            guard seconds > 0 else { return 0 }
            let least = works.reduce(0.0) { total, entry in
                let (work, count) = (entry.key, Double(entry.value))
                return total
                    + count * limit.seconds(flops: work.cost.flops, bytes: work.cost.bytes, dtype: work.dtype)
            }
            return least / seconds
        }

        /// True where most of that least time is arithmetic, false where it is memory traffic.
        public func isComputeBound(on limit: MachineLimit) -> Bool {
            var (compute, memory) = (0.0, 0.0)
            for (work, count) in works {
                let least = limit.seconds(flops: work.cost.flops, bytes: work.cost.bytes, dtype: work.dtype)
                if limit.isComputeBound(flops: work.cost.flops, bytes: work.cost.bytes, dtype: work.dtype) {
                    compute += least * Double(count)
                } else {
                    memory += least * Double(count)
                }
            }
            return compute > memory
        }
    }

    /// The kernels that ran, brought together, the costliest first.
    public func rows(by grouping: Grouping = .kernel) -> [Row] {
        var facts = KernelFacts()
        var rows: [Row] = []
        var indices: [[String]: Int] = [:]
        for run in runs {
            for (fact, time) in zip(facts.of(run.plan), run.kernels) {
                let row = Profile.row(fact, grouping)
                let key = [row.name, row.shapes, row.layers]
                let index = indices[key] ?? rows.count
                if index == rows.count {
                    indices[key] = index
                    rows.append(row)
                }
                rows[index].add(fact, nanoseconds: time.end - time.start)
            }
        }
        return rows.sorted { $0.seconds > $1.seconds }
    }

    private static func row(_ fact: KernelFacts.Fact, _ grouping: Grouping) -> Row {
        switch grouping {
        case .kernel: Row(fact.name, shapes: fact.shapes, layers: fact.layers.joined(separator: ", "))
        case .layer: Row(fact.layers.first ?? "(no layer)")
        }
    }
}
