import MartletGraph

// What passes over a lowered graph share: who reads what, what stands on what, and bringing items back into order.

extension PlanGraph {
    /// For each base, the items that read it, in order; -1 stands for a reader that is no operand (a key of random bits).
    var readers: [[Int]] {
        var readers = Array(repeating: [Int](), count: bases.count)
        for (index, item) in items.enumerated() {
            for input in item.inputs {
                let base = input.view.base
                if readers[base].last != index { readers[base].append(index) }
                for behind in basesBehind(base) { readers[behind].append(-1) }
            }
        }
        return readers
    }

    /// The item that reads a base, where it is one alone and nobody keeps it.
    func onlyReader(of base: Int, among readers: [[Int]]) -> Int? {
        guard !bases[base].isKept, readers[base].count == 1, let reader = readers[base].first, reader >= 0 else {
            return nil
        }
        return reader
    }

    /// The comparison of a rectifier's derivative (`Value.throughRectifier`), where an item is its choice: output > 0 ? source : 0.
    func rectifierComparison(of choice: Int) -> Int? {
        guard items[choice].work.isElementwise(.select), isZero(items[choice].inputs[2]),
            isWhole(items[choice].inputs[0]), let comparison = producer(of: items[choice].inputs[0].view.base),
            items[comparison].work.isElementwise(.binary(.greater)), isZero(items[comparison].inputs[1])
        else { return nil }
        return comparison
    }

    /// The item that makes a base.
    func producer(of base: Int) -> Int? {
        if case .produced(let item) = bases[base].kind { item } else { nil }
    }

    /// True where the operand is the number 0 that the library itself wrote.
    func isZero(_ operand: Operand) -> Bool {
        guard case .scalar(.fixed(let scalar)) = bases[operand.view.base].kind else { return false }
        return operand.type.dtype.isFloatingPoint ? scalar.real == 0 : scalar.integer == 0
    }

    /// The items whose results an item reads.
    private func sources(of item: Item) -> [Int] {
        item.inputs.flatMap { producers(before: $0.view.base) }
    }

    /// The items that must have run before a base can be read.
    private func producers(before base: Int) -> [Int] {
        ([base] + basesBehind(base) + basesBefore(base)).compactMap { producer(of: $0) }
    }

    /// True where a base is made, by way of any others, from what an item makes.
    func depends(_ base: Int, on item: Int) -> Bool {
        var stack = producers(before: base)
        var seen = Set(stack)
        while let next = stack.popLast() {
            if next == item { return true }
            for source in sources(of: items[next]) where seen.insert(source).inserted { stack.append(source) }
        }
        return false
    }

    /// Empties items whose results nobody reads: they keep their place until `inOrder`.
    ///
    /// - Returns: those items, from the last to the first.
    mutating func dropUnread() -> [Int] {
        var dropped: [Int] = []
        var counts = Array(repeating: 0, count: bases.count)
        for item in items {
            for input in item.inputs {
                counts[input.view.base] += 1
                for behind in basesBehind(input.view.base) { counts[behind] += 1 }
            }
        }
        for index in items.indices.reversed() where !items[index].outputs.isEmpty {
            // A result that another item has taken over is no longer this one's.
            let own = items[index].outputs.filter { producer(of: $0) == index }
            guard own.allSatisfy({ counts[$0] == 0 && !bases[$0].isKept }) else { continue }
            for input in items[index].inputs {
                counts[input.view.base] -= 1
                for behind in basesBehind(input.view.base) { counts[behind] -= 1 }
            }
            for base in own { bases[base].kind = .empty }
            items[index].inputs = []
            items[index].outputs = []
            dropped.append(index)
        }
        return dropped
    }

    /// The graph with every item after those it reads from, otherwise in its order, and without emptied ones.
    func inOrder() -> PlanGraph {
        var order: [Int] = []
        var isDone = Array(repeating: false, count: items.count)
        var isOpen = isDone
        for root in items.indices where !items[root].outputs.isEmpty {
            var stack = [(item: root, isExpanded: false)]
            while let (item, isExpanded) = stack.popLast() {
                if isDone[item] { continue }
                if isExpanded {
                    isDone[item] = true
                    order.append(item)
                } else {
                    if isOpen[item] { stop("a rewritten graph has a cycle at \(items[item].work)") }
                    isOpen[item] = true
                    stack.append((item, true))
                    for source in sources(of: items[item]).reversed() where !isDone[source] {
                        stack.append((source, false))
                    }
                }
            }
        }
        var result = self
        result.items = order.map { items[$0] }
        for (index, item) in result.items.enumerated() {
            for base in item.outputs { result.bases[base].kind = .produced(item: index) }
        }
        return result
    }
}

extension PlanGraph.Item {
    /// The composite that the item calls.
    var composite: (any Composite)? {
        if case .primitive(.composite(let call)) = work { call.composite } else { nil }
    }
}

extension PlanGraph.Item.Work {
    func isElementwise(_ operation: FusedKernel.Operation) -> Bool {
        if case .elementwise(operation) = self { true } else { false }
    }
}
