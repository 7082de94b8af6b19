import MartletGraph

extension Fusion {
    /// Joins groups over one iteration space that read the same memory and do not depend on each other: the derivatives by several
    /// operands of one gradient, the formulas of several heads over one input. What they share is then read once.
    ///
    /// Groups are joined between two kernels of another kind only: what one makes would else wait for the other.
    ///
    /// - Returns: whether it has joined any.
    mutating func joinSiblings() -> Bool {
        let stretches = self.stretches
        var readers: [PlanGraph.Operand: [Int]] = [:]
        var shared: [PlanGraph.Operand] = []
        for index in groups.indices where groups[index].shape != nil {
            for load in groups[index].loads where isShared(load) {
                readers[load, default: []].append(index)
                if readers[load]?.count == 2 { shared.append(load) }
            }
        }
        // In the order of the groups: sets have none.
        shared.sort { (readers[$0] ?? []).lexicographicallyPrecedes(readers[$1] ?? []) }
        var hasJoined = false
        for operand in shared {
            var home: Int?
            for group in readers[operand] ?? [] where !groups[group].items.isEmpty {
                if let other = home, stretches[other] == stretches[group], canMerge(other, into: group) {
                    merge(other, into: group)
                    hasJoined = true
                }
                home = group
            }
        }
        return hasJoined
    }

    /// Operands of so many elements are worth reading once instead of twice.
    private static let smallestShared = 1024

    private func isShared(_ operand: PlanGraph.Operand) -> Bool {
        switch graph.bases[operand.view.base].kind {
        case .leaf, .produced, .fence:
            // An operand that is broadcast stays in the cache.
            operand.type.shape.elementCount >= Self.smallestShared && graph.isWhole(operand)
        case .scalar, .index, .random, .empty: false
        }
    }

    /// For each group, how many kernels of another kind stand before the last of its items.
    private var stretches: [Int] {
        var counts: [Int] = []
        var count = 0
        for item in graph.items {
            if case .primitive = item.work { count += 1 }
            counts.append(count)
        }
        return groups.map { group in group.items.last.map { counts[$0] } ?? -1 }
    }
}
