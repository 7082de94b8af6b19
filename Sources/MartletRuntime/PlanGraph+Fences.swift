import MartletGraph

// Fences: the same memory for readers that must not be computed beside the others. They stand between the lowering and the grouping
// of items; steps read the bases themselves.

extension PlanGraph {
    /// The operand through a fence. What is no memory, and nobody keeps, is read as it is.
    mutating func fenced(_ operand: Operand, after other: Operand) -> Operand {
        fenced(operand, after: isReal(other.view.base) ? other.view.base : nil)
    }

    mutating func fenced(_ operand: Operand, after other: Int?) -> Operand {
        switch bases[operand.view.base].kind {
        case .scalar, .index, .random, .empty: return operand
        case .leaf, .produced, .fence: break
        }
        var result = operand
        result.view.base = fence(of: operand.view.base, after: other)
        return result
    }

    private mutating func fence(of base: Int, after other: Int?) -> Int {
        let key = FenceKey(base: base, other: other)
        if let known = fences[key] { return known }
        let made = addBase(.fence(of: base, after: other), bases[base].type)
        bases[made].blockedShape = bases[base].blockedShape
        fences[key] = made
        return made
    }

    /// What must be in memory when the base is read: the key and the start of random bits, the base behind a fence.
    func basesBehind(_ base: Int) -> [Int] {
        switch bases[base].kind {
        case .random(let key, let start):
            [key.base, start.base] + basesBehind(key.base) + basesBehind(start.base)
        case .fence(let original, _): [original] + basesBehind(original)
        case .leaf, .produced, .scalar, .index, .empty: []
        }
    }

    /// What must have been made by the time the base is read, though it is not read itself.
    func basesBefore(_ base: Int) -> [Int] {
        switch bases[base].kind {
        case .random(let key, let start): basesBefore(key.base) + basesBefore(start.base)
        case .fence(let original, let other):
            (other.map { [$0] + basesBehind($0) + basesBefore($0) } ?? []) + basesBefore(original)
        case .leaf, .produced, .scalar, .index, .empty: []
        }
    }

    /// The operand on the base itself.
    func withoutFence(_ operand: Operand) -> Operand {
        var result = operand
        result.view = withoutFence(operand.view)
        return result
    }

    private func withoutFence(_ view: View) -> View {
        var result = view
        while case .fence(let original, _) = bases[result.base].kind { result.base = original }
        return result
    }

    /// The graph with every item reading the bases themselves: what a fence was to keep apart is grouped by now.
    func resolvingFences() -> PlanGraph {
        if fences.isEmpty { return self }
        var result = self
        for index in items.indices { result.items[index].inputs = items[index].inputs.map(withoutFence) }
        for index in bases.indices {
            if case .random(let key, let start) = bases[index].kind {
                result.bases[index].kind = .random(key: withoutFence(key), start: withoutFence(start))
            }
        }
        result.fences = [:]
        return result
    }
}

/// A fence by what it shows and what it waits for.
struct FenceKey: Hashable, Sendable {
    let base: Int
    let other: Int?
}
