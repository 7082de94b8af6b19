import MartletGraph

/// Masks made again where they are read: what a few cheap operations make of random bits or coordinates (which elements a dropout
/// keeps, what a causal mask hides) follows from a key and a counter, so that a group in the backward pass computes it from those
/// instead of reading what the forward pass would have written for it. No mask lies in memory in between, and the bits are the same.
///
/// It comes after grouping and changes no group's place: each other group that reads a mask gets a copy of the items behind it.
/// Where a mask must be in memory anyway (somebody keeps it, a kernel of another kind or another view reads it), all read it there.
struct MaskRegeneration {
    private(set) var graph: PlanGraph
    private(set) var groups: [Fusion.Group]
    private(set) var groupOfItem: [Int]

    /// For each item, how many items make its result from bits and coordinates, itself included; 0 for one that is no such chain.
    private var chainLength: [Int] = []
    /// What copies make, by group and item; and how many each group has, which come first in it.
    private var copies: [Place: Int] = [:]
    private var copyCounts: [Int: Int] = [:]

    private struct Place: Hashable {
        let group, item: Int
    }

    /// Below so many elements memory is cheap and another program is not.
    static let smallest = 1024
    /// Operations behind a mask, at most.
    static let longest = 8

    /// The groups of a graph without fences.
    init(_ graph: PlanGraph, _ fusion: Fusion) {
        (self.graph, groups, groupOfItem) = (graph, fusion.groups, fusion.groupOfItem)
        findChains()
        guard chainLength.contains(where: { $0 > 0 }) else { return }
        let readers = graph.readers
        for item in graph.items.indices where chainLength[item] > 0 {
            let base = graph.items[item].outputs[0]
            for group in groupsToServe(base, of: item, readers[base]) { copy(base, into: group) }
        }
    }

    /// Chains of cheap operations over numbers, coordinates and random bits, of which the latter two take part.
    private mutating func findChains() {
        chainLength = Array(repeating: 0, count: graph.items.count)
        var counts = Array(repeating: 0, count: graph.items.count)
        for (index, item) in graph.items.enumerated() {
            guard case .elementwise(let operation) = item.work, operation.isCheap else { continue }
            var (count, draws) = (1, false)
            for input in item.inputs {
                switch graph.bases[input.view.base].kind {
                case .scalar: break
                case .index, .random: draws = true
                case .produced(let source):
                    guard counts[source] > 0, graph.isWhole(input) else {
                        count = .max / 2
                        break
                    }
                    count += counts[source]
                    draws = draws || chainLength[source] > 0
                case .leaf, .fence, .empty: count = .max / 2
                }
                if count > Self.longest { break }
            }
            guard count <= Self.longest else { continue }
            counts[index] = count
            if draws { chainLength[index] = count }
        }
    }

    /// The groups that read a mask from memory, where all of them may make it themselves.
    private func groupsToServe(_ base: Int, of item: Int, _ readers: [Int]) -> [Int] {
        let own = groupOfItem[item]
        guard !graph.bases[base].isKept, graph.bases[base].type.shape.elementCount >= Self.smallest else { return [] }
        var others: [Int] = []
        for reader in readers {
            guard reader >= 0, groups[groupOfItem[reader]].shape != nil,
                graph.items[reader].inputs.allSatisfy({ $0.view.base != base || graph.isWhole($0) })
            else { return [] }
            let group = groupOfItem[reader]
            if group != own, !others.contains(group) { others.append(group) }
        }
        // An operation has three operands at most, each a register where it is loaded.
        let hasRoom = others.allSatisfy { groups[$0].registers + 3 * chainLength[item] < Fusion.registerLimit }
        return hasRoom ? others : []
    }

    /// Has the items of a group that read the mask read a copy that is made in the group.
    private mutating func copy(_ base: Int, into group: Int) {
        let readers = groups[group].items
        let made = copied(base, into: group)
        for reader in readers {
            for place in graph.items[reader].inputs.indices where graph.items[reader].inputs[place].view.base == base {
                graph.items[reader].inputs[place].view.base = made
            }
        }
    }

    private mutating func copied(_ base: Int, into group: Int) -> Int {
        guard case .produced(let item) = graph.bases[base].kind, groupOfItem[item] != group else { return base }
        if let known = copies[Place(group: group, item: item)] { return known }
        var inputs = graph.items[item].inputs
        for place in inputs.indices { inputs[place].view.base = copied(inputs[place].view.base, into: group) }
        var copy = graph.items[item]
        let made = graph.addBase(.produced(item: graph.items.count), graph.bases[base].type)
        (copy.inputs, copy.outputs) = (inputs, [made])
        let index = graph.items.count
        graph.items.append(copy)
        groupOfItem.append(group)
        chainLength.append(chainLength[item])
        // Before the group's own items, after the copies that it reads.
        groups[group].items.insert(index, at: copyCounts[group, default: 0])
        groups[group].loads.formUnion(inputs.filter { graph.producer(of: $0.view.base) == nil })
        copyCounts[group, default: 0] += 1
        copies[Place(group: group, item: item)] = made
        return made
    }
}

extension FusedKernel.Operation {
    /// True for an operation of about one instruction an element, which is computed again more readily than it is kept.
    var isCheap: Bool {
        switch self {
        case .unary(let function):
            switch function {
            case .negate, .absolute, .sign, .floor, .ceil, .round, .truncate, .square, .relu, .logicalNot, .isNaN,
                .isFinite, .isInfinite, .unitFromBits:
                true
            case .exp, .expm1, .log, .log1p, .sqrt, .rsqrt, .reciprocal, .sin, .cos, .tan, .asin, .acos, .atan, .sinh,
                .cosh, .tanh, .sigmoid, .erf:
                false
            }
        case .binary(let function):
            switch function {
            case .add, .subtract, .multiply, .maximum, .minimum, .equal, .notEqual, .less, .lessOrEqual, .greater,
                .greaterOrEqual, .logicalAnd, .logicalOr, .logicalXor:
                true
            case .divide, .floorDivide, .remainder, .power, .atan2: false
            }
        case .select, .cast: true
        }
    }
}

extension Node {
    /// True for a mask that a derivative recorded later computes again, as `MaskRegeneration` does within a plan: cheap operations
    /// over numbers, coordinates and random bits, and large enough to be worth it.
    var isRegenerable: Bool {
        guard type.shape.elementCount >= MaskRegeneration.smallest else { return false }
        var (count, draws) = (0, false)
        var stack = [self]
        while let node = stack.popLast() {
            switch node.primitive {
            case .constant: continue
            case .iota, .randomBits:
                draws = true
                continue
            case .reshape, .permute, .expand, .slice, .flip: break
            case .unary(let function) where FusedKernel.Operation.unary(function).isCheap: count += 1
            case .binary(let function) where FusedKernel.Operation.binary(function).isCheap: count += 1
            case .select, .cast: count += 1
            case .leaf, .placeholder, .unary, .binary, .alias, .updateSlice, .concatenate, .gather, .scatter,
                .indexSelect, .indexAdd, .sort, .reduce, .argReduce, .cumulativeSum, .matmul, .convolution,
                .convolutionInputGradient, .convolutionWeightGradient, .maxPool, .averagePool, .averagePoolGradient,
                .linearAlgebra, .composite, .copy, .collective:
                return false
            }
            if !node.isPending || count > MaskRegeneration.longest { return false }
            for operand in node.operands { stack.append(operand.node) }
        }
        return draws
    }
}
