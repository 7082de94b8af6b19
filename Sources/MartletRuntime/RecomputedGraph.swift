import MartletGraph

/// A graph in which some bases are given up after their early readers: later ones read a copy that is computed again, just before
/// the first of them, from what is still there or is computed again itself.
///
/// Copies read through fences, so that they are not grouped with the work that they spare the memory of.
struct RecomputedGraph {
    private(set) var graph: PlanGraph
    /// For each item, the item of the original graph at whose place it stands: itself, or for a copy the one that asked for it.
    private(set) var positions: [Int] = []

    private let original: PlanGraph
    /// For each base that is given up, the first item of the original graph that reads the copy.
    private let givenUp: [Int: Int]
    private var copies: [Int: Int] = [:]

    init(_ original: PlanGraph, givingUp givenUp: [Int: Int]) {
        self.original = original
        self.givenUp = givenUp
        graph = original
        guard !givenUp.isEmpty else {
            positions = Array(original.items.indices)
            return
        }
        graph.items.removeAll(keepingCapacity: true)
        for index in original.items.indices {
            var item = original.items[index]
            let other = latestInput(of: item, before: index)
            item.inputs = item.inputs.map { input in
                let base = original.withoutFence(input).view.base
                return isCopied(base, at: index) ? moved(input, to: copy(of: base, at: index, after: other)) : input
            }
            for base in item.outputs {
                guard case .produced = original.bases[base].kind else { continue }
                graph.bases[base].kind = .produced(item: graph.items.count)
            }
            graph.items.append(item)
            positions.append(index)
        }
    }

    private func isCopied(_ base: Int, at position: Int) -> Bool { givenUp[base].map { position >= $0 } ?? false }

    /// What an item waits for anyway: the latest made of its other operands, a gradient as a rule, else what was made last.
    private func latestInput(of item: PlanGraph.Item, before index: Int) -> Int? {
        let made = item.inputs.map(\.view.base).filter { base in
            guard let producer = original.producer(of: base) else { return false }
            return producer < index && givenUp[base] == nil
        }
        return made.max { (original.producer(of: $0) ?? -1) < (original.producer(of: $1) ?? -1) }
            ?? graph.items.last?.outputs.first
    }

    private func moved(_ operand: PlanGraph.Operand, to base: Int) -> PlanGraph.Operand {
        var result = operand
        result.view.base = base
        return result
    }

    /// The copy of a base that was given up, made for an item at `position`.
    private mutating func copy(of base: Int, at position: Int, after other: Int?) -> Int {
        if let known = copies[base] { return known }
        guard let producer = original.producer(of: base) else { return base }
        var item = original.items[producer]
        item.inputs = item.inputs.map { input in
            let read = original.withoutFence(input)
            if isCopied(read.view.base, at: position) {
                return moved(read, to: copy(of: read.view.base, at: position, after: other))
            }
            return graph.fenced(read, after: other)
        }
        let index = graph.items.count
        for (place, output) in item.outputs.enumerated() {
            guard case .produced = original.bases[output].kind else { continue }
            let made = graph.addBase(.produced(item: index), original.bases[output].type)
            graph.bases[made].blockedShape = original.bases[output].blockedShape
            item.outputs[place] = made
            copies[output] = made
        }
        graph.items.append(item)
        positions.append(position)
        return copies[base] ?? base
    }
}
