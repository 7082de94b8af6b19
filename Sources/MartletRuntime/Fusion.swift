import MartletGraph

/// Groups elementwise items and reductions into fused steps; every other item is a step of its own.
package struct Fusion {
    /// A step: the items it runs, in order.
    package struct Group {
        package var items: [Int]
        /// The iteration space of a fused group; nil for a structural primitive.
        package var shape: Shape?
        package var reducedAxes: [Int]?
        /// What the group loads, each a register.
        var loads: Set<PlanGraph.Operand> = []
        /// Registers taken so far, inputs and instructions.
        var registers: Int { loads.count + items.count }
    }

    package private(set) var groups: [Group] = []
    /// The group of each item.
    package private(set) var groupOfItem: [Int]
    let graph: PlanGraph
    /// For each group, the groups it reads from.
    private var reads: [Set<Int>] = []

    /// Registers a tile program has.
    static let registerLimit = 60

    package init(_ graph: PlanGraph, fusesSteps: Bool = true, defers: Bool = true) {
        self.graph = graph
        groupOfItem = Array(repeating: -1, count: graph.items.count)
        guard fusesSteps else {
            for index in graph.items.indices { open(index, shape: iterationShape(graph.items[index])) }
            return
        }
        guard defers else {
            for index in graph.items.indices { place(index) }
            return
        }
        var deferral = FusionDeferral(graph)
        for index in graph.items.indices where !deferral.takes(index) {
            let waited = deferral.release(for: index)
            if !waited.isEmpty { place(waited, before: index) }
            place(index)
        }
    }

    /// Items that waited for `index`: in a group of their own, which it will find, or with what makes their operands.
    private mutating func place(_ waited: [Int], before index: Int) {
        let isApart = !joinsProducer(index, of: waited)
        var home: Int?
        for item in waited {
            let shape = iterationShape(graph.items[item])
            if let home, let shape, accepts(home, item, shape) {
                join(item, home)
            } else if isApart, home == nil {
                open(item, shape: shape)
                home = groupOfItem[item]
            } else {
                place(item)
            }
        }
    }

    /// True where the item can be fused with what makes the operands of those that waited for it: then nothing is gained by
    /// keeping them apart.
    private func joinsProducer(_ index: Int, of waited: [Int]) -> Bool {
        guard let shape = iterationShape(graph.items[index]) else { return true }
        let producers = waited.flatMap { graph.items[$0].inputs }.compactMap { producer(of: $0.view) }
        return producers.contains { group in
            groups[group].shape != nil && accepts(group, index, shape)
        }
    }

    /// Puts an item into a group that produces one of its operands, where that is legal, else into a new one.
    private mutating func place(_ index: Int) {
        let item = graph.items[index]
        guard let shape = iterationShape(item) else {
            open(index, shape: nil)
            return
        }
        var home: Int?
        for input in item.inputs {
            guard let candidate = producer(of: input.view), candidate != home, graph.isWhole(input) else { continue }
            if let current = home {
                // The item may meet another value of the candidate's in a way that only memory can give.
                if canMerge(candidate, into: current), accepts(candidate, index, shape) {
                    merge(candidate, into: current)
                }
            } else if accepts(candidate, index, shape) {
                home = candidate
            }
        }
        if let home { join(index, home) } else { open(index, shape: shape) }
    }

    /// The shape an item iterates over, where it can be fused.
    private func iterationShape(_ item: PlanGraph.Item) -> Shape? {
        switch item.work {
        case .elementwise: graph.bases[item.outputs[0]].type.shape
        case .reduce: item.inputs[0].type.shape
        case .primitive: nil
        }
    }

    private func producer(of view: View) -> Int? { producer(of: view.base) }

    private func producer(of base: Int) -> Int? {
        guard case .produced(let item) = graph.bases[base].kind, groupOfItem[item] >= 0 else { return nil }
        return groupOfItem[item]
    }

    private func accepts(_ group: Int, _ index: Int, _ shape: Shape) -> Bool {
        let item = graph.items[index]
        guard groups[group].shape?.sizes == shape.sizes,
            groups[group].loads.union(loads(of: item, in: group)).count + groups[group].items.count
                < Fusion.registerLimit
        else { return false }
        if case .reduce(let reduce) = item.work, let axes = groups[group].reducedAxes, axes != reduce.axes {
            return false
        }
        return item.inputs.allSatisfy { input in
            // What waits for the group, or is made by it and met through a fence, cannot be part of it.
            for source in sources(behind: input) where depends(source, on: group) { return false }
            // What the group itself makes can be taken from a register only if it is met whole and was not reduced.
            guard let other = producer(of: input.view) else { return true }
            if other == group { return graph.isMetWhole(input) && !isReduced(input.view.base) }
            return !depends(other, on: group)
        }
    }

    private func isReduced(_ base: Int) -> Bool {
        guard case .produced(let item) = graph.bases[base].kind, case .reduce = graph.items[item].work else {
            return false
        }
        return true
    }

    /// Two groups of one shape may become one where neither reads the other through a third.
    func canMerge(_ a: Int, into b: Int) -> Bool {
        guard groups[a].shape?.sizes == groups[b].shape?.sizes,
            groups[a].loads.union(groups[b].loads).count + groups[a].items.count + groups[b].items.count
                < Fusion.registerLimit
        else { return false }
        if let left = groups[a].reducedAxes, let right = groups[b].reducedAxes, left != right { return false }
        return !dependsIndirectly(a, on: b) && !dependsIndirectly(b, on: a) && !reads[a].contains(b)
            && !reads[b].contains(a)
    }

    /// True where group `a` needs what group `b` makes.
    private func depends(_ a: Int, on b: Int) -> Bool {
        if a == b { return true }
        var seen: Set<Int> = [a]
        var stack = [a]
        while let group = stack.popLast() {
            for next in reads[group] {
                if next == b { return true }
                if seen.insert(next).inserted { stack.append(next) }
            }
        }
        return false
    }

    private func dependsIndirectly(_ a: Int, on b: Int) -> Bool {
        reads[a].contains { $0 != b && depends($0, on: b) }
    }

    private mutating func open(_ index: Int, shape: Shape?) {
        groups.append(Group(items: [], shape: shape, reducedAxes: nil))
        reads.append([])
        join(index, groups.count - 1)
    }

    private mutating func join(_ index: Int, _ group: Int) {
        let item = graph.items[index]
        groupOfItem[index] = group
        groups[group].items.append(index)
        // One that waited comes after those it stands before.
        if groups[group].items.count > 1, groups[group].items[groups[group].items.count - 2] > index {
            groups[group].items.sort()
        }
        groups[group].loads.formUnion(loads(of: item, in: group))
        for input in item.inputs {
            if let source = producer(of: input.view), source != group { reads[group].insert(source) }
        }
        for input in item.inputs {
            for source in sources(behind: input) where source != group { reads[group].insert(source) }
        }
        if case .reduce(let reduce) = item.work { groups[group].reducedAxes = reduce.axes }
    }

    /// The groups that make what stands behind an input: keys and starts of random bits that are values rather than numbers, and
    /// what a fence waits for.
    private func sources(behind input: PlanGraph.Operand) -> [Int] {
        switch graph.bases[input.view.base].kind {
        case .leaf, .produced, .scalar, .index, .empty: []
        case .random, .fence:
            (graph.basesBehind(input.view.base) + graph.basesBefore(input.view.base)).compactMap { producer(of: $0) }
        }
    }

    /// What an item loads in a group: all that the group does not make.
    private func loads(of item: PlanGraph.Item, in group: Int) -> [PlanGraph.Operand] {
        item.inputs.filter { producer(of: $0.view) != group }
    }

    mutating func merge(_ a: Int, into b: Int) {
        for item in groups[a].items { groupOfItem[item] = b }
        groups[b].items = (groups[b].items + groups[a].items).sorted()
        groups[b].loads.formUnion(groups[a].loads)
        groups[a].loads = []
        groups[b].reducedAxes = groups[b].reducedAxes ?? groups[a].reducedAxes
        reads[b].formUnion(reads[a])
        reads[b].remove(a)
        for group in reads.indices where reads[group].remove(a) != nil { reads[group].insert(b) }
        groups[a].items = []
        reads[a] = []
    }

    /// Non-empty groups, each after those it reads from, otherwise in recorded order.
    package func schedule() -> [Int] {
        var order: [Int] = []
        var done = Set<Int>()
        let roots = groups.indices.filter { !groups[$0].items.isEmpty }.sorted {
            groups[$0].items[0] < groups[$1].items[0]
        }
        for root in roots {
            var stack: [(group: Int, expanded: Bool)] = [(root, false)]
            while let (group, expanded) = stack.popLast() {
                if done.contains(group) { continue }
                if expanded {
                    done.insert(group)
                    order.append(group)
                } else {
                    stack.append((group, true))
                    for next in reads[group].sorted(by: >) where !done.contains(next) { stack.append((next, false)) }
                }
            }
        }
        return order
    }
}
