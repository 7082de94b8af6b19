import MartletGraph

/// Elementwise items that may as well be computed where they are read: their operands lie in memory anyway, and one later
/// item reads them. A mask that a backward pass derives from a forward result is such a thing: computed beside the result it
/// would be written to memory only to be read back.
struct FusionDeferral {
    /// For each item, the single item that reads it, where it may wait for that one; -1 elsewhere.
    private var readerOfItem: [Int]
    /// Items that wait, by the item that reads them.
    private var waiting: [Int: [Int]] = [:]

    init(_ graph: PlanGraph) {
        let readers = graph.readers
        let inMemory = FusionDeferral.basesInMemory(graph, readers)
        readerOfItem = Array(repeating: -1, count: graph.items.count)
        for (index, item) in graph.items.enumerated() {
            guard case .elementwise = item.work, let output = item.outputs.first, !graph.bases[output].isKept,
                readers[output].count == 1, let reader = readers[output].first, reader >= 0,
                FusionDeferral.meetsWhole(graph.items[reader], output, graph)
            else { continue }
            let mayWait = item.inputs.allSatisfy { input in
                guard case .produced(let source) = graph.bases[input.view.base].kind else {
                    return FusionDeferral.isPlain(graph.bases[input.view.base].kind)
                }
                return graph.isWhole(input) && (inMemory[input.view.base] || readerOfItem[source] == index)
            }
            if mayWait { readerOfItem[index] = reader }
        }
    }

    /// True where the item waits; it is asked for again by its reader.
    mutating func takes(_ item: Int) -> Bool {
        guard readerOfItem[item] >= 0 else { return false }
        waiting[readerOfItem[item], default: []].append(item)
        return true
    }

    /// What waited for an item, first those that the others read.
    mutating func release(for item: Int) -> [Int] {
        guard let own = waiting.removeValue(forKey: item) else { return [] }
        return own.flatMap { release(for: $0) + [$0] }
    }

    /// Numbers and leaves. Random bits and coordinates are left alone: they need no memory wherever they are read.
    private static func isPlain(_ kind: PlanGraph.Base.Kind) -> Bool {
        switch kind {
        case .leaf, .scalar, .fence: true
        case .produced, .index, .random, .empty: false
        }
    }

    /// Bases that lie in memory however items are grouped.
    private static func basesInMemory(_ graph: PlanGraph, _ readers: [[Int]]) -> [Bool] {
        graph.bases.indices.map { base in
            guard case .produced(let item) = graph.bases[base].kind else { return false }
            if graph.bases[base].isKept { return true }
            if case .primitive = graph.items[item].work { return true }
            return readers[base].contains { reader in
                if reader >= 0, case .primitive = graph.items[reader].work { return true }
                return false
            }
        }
    }

    /// True where a fused item reads the base element by element.
    private static func meetsWhole(_ reader: PlanGraph.Item, _ base: Int, _ graph: PlanGraph) -> Bool {
        if case .primitive = reader.work { return false }
        return reader.inputs.allSatisfy { $0.view.base != base || graph.isWhole($0) }
    }
}
