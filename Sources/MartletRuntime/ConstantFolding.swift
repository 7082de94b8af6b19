import MartletGraph

/// What follows from parameters alone in inference (the factor and the shift of a normalisation, a cast, a transposed copy), and
/// what follows from coordinates alone (a mask, positions): computed once and kept until something behind it changes.
///
/// A unit is a set of fused steps that stand on each other, and their results that other steps read. The results lie in one buffer,
/// which is kept with the largest parameter (by the plan where there is none); as long as it is there and all sources are what they
/// were, the unit's steps do not run. Operands that a kernel packs are `Packings`' business and come first.
struct ConstantFolding {
    struct Unit {
        var steps: [Int] = []
        /// Results that are kept, with their places in the unit's buffer.
        var offsets: [Int: Int] = [:]
        var byteCount = 0
        /// The leaves behind it, first the one that holds what was made; the run's arguments; what is computed from them.
        var leaves: [Int] = []
        var arguments: [Int] = []
        var identity = 0
    }

    private(set) var units: [Unit] = []

    /// Bytes that results without any parameter may take, each unit.
    private static let constantBound = 1 << 20
    /// Below so many elements coordinates are as soon computed as looked up.
    private static let smallestConstant = 256

    private let planner: Planner
    private var sources: [Int: Sources] = [:]
    private var rootOfStep: [Int: Int] = [:]
    /// For each result of a step that was taken, that step.
    private var makers: [Int: Int] = [:]

    /// What a step stands on.
    private struct Sources {
        /// Bases of leaves.
        var leaves: Set<Int> = []
        var hasCoordinates = false
    }

    /// - Parameters:
    ///   - order: steps as they run.
    ///   - onDemand: places in it of those that serve a packed operand.
    ///   - overwritten: leaves that the plan itself overwrites.
    init(_ planner: Planner, order: [Int], onDemand: Set<Int>, overwritten: Set<Int>) {
        self.planner = planner
        for (place, index) in order.enumerated() where !onDemand.contains(place) { take(index, overwritten) }
        guard !sources.isEmpty else { return }
        makeUnits(order)
    }

    /// Bytes of all units together.
    var byteCount: Int { units.reduce(0) { $0 + $1.byteCount } }

    /// Where kept results lie.
    var places: [Int: MemoryPlan.Place] {
        var result: [Int: MemoryPlan.Place] = [:]
        for (number, unit) in units.enumerated() {
            for (base, offset) in unit.offsets { result[base] = .folded(unit: number, offset) }
        }
        return result
    }

    // MARK: Which steps

    private mutating func take(_ index: Int, _ overwritten: Set<Int>) {
        let (step, graph) = (planner.steps[index], planner.graph)
        guard case .fused(let kernel) = step.work, step.repetitions == 1,
            !step.outputs.contains(where: { graph.bases[$0].isKept }), step.derived.allSatisfy(\.isFixed)
        else { return }
        var own = Sources()
        for input in kernel.inputs {
            switch input.source {
            case .random: return
            case .index: own.hasCoordinates = true
            case .operand, .scalar: break
            }
        }
        var behind: [Int] = []
        for operand in step.inputs {
            guard operand.view.offset.terms.isEmpty else { return }
            if case .leaf(let leaf) = graph.bases[operand.view.base].kind {
                guard !overwritten.contains(leaf) else { return }
                own.leaves.insert(operand.view.base)
            } else {
                guard let source = makers[operand.view.base], let known = sources[source] else { return }
                own.leaves.formUnion(known.leaves)
                own.hasCoordinates = own.hasCoordinates || known.hasCoordinates
                behind.append(source)
            }
        }
        guard isConstant(own, step) else { return }
        sources[index] = own
        for base in step.outputs { makers[base] = index }
        rootOfStep[index] = index
        for source in behind { join(source, index) }
    }

    /// True for what rarely changes: in inference parameters and what is no larger (statistics beside a factor); coordinates.
    private func isConstant(_ sources: Sources, _ step: Planner.Step) -> Bool {
        let bases = planner.graph.bases
        if sources.leaves.isEmpty { return sources.hasCoordinates }
        let largest = sources.leaves.filter { bases[$0].isStable }.map { bases[$0].type.byteCount }.max()
        guard step.isInference, let largest else { return false }
        return sources.leaves.allSatisfy { bases[$0].isStable || bases[$0].type.byteCount <= largest }
    }

    private func root(_ step: Int) -> Int {
        var step = step
        while let next = rootOfStep[step], next != step { step = next }
        return step
    }

    private mutating func join(_ a: Int, _ b: Int) {
        let (left, right) = (root(a), root(b))
        if left != right { rootOfStep[max(left, right)] = min(left, right) }
    }

    // MARK: Units

    private mutating func makeUnits(_ order: [Int]) {
        var readElsewhere = Set<Int>()
        for index in order where sources[index] == nil {
            readElsewhere.formUnion(planner.steps[index].basesRead(planner.graph))
        }
        let derivations = Derivations(planner.steps, planner.graph)
        var members: [Int: [Int]] = [:]
        for index in order where sources[index] != nil { members[root(index), default: []].append(index) }
        for steps in members.values.sorted(by: { $0[0] < $1[0] }) {
            let kept = steps.flatMap { planner.steps[$0].outputs }.filter { readElsewhere.contains($0) }
            guard !kept.isEmpty, let unit = unit(steps, kept, derivations) else { continue }
            units.append(unit)
        }
    }

    private func unit(_ steps: [Int], _ kept: [Int], _ derivations: Derivations) -> Unit? {
        let bases = planner.graph.bases
        guard let found = derivations.sources(of: kept.map { planner.graph.whole($0) }) else { return nil }
        var unit = Unit(steps: steps, leaves: found.leaves, arguments: found.arguments, identity: found.identity)
        for base in kept {
            unit.offsets[base] = unit.byteCount
            unit.byteCount += Self.rounded(bases[base].type.byteCount)
        }
        // Memory grows by no more than what is there anyway.
        let behind = steps.reduce(into: Set<Int>()) { $0.formUnion(sources[$1]?.leaves ?? []) }
        let elements = kept.reduce(0) { $0 + bases[$1].type.shape.elementCount }
        if behind.isEmpty, elements < Self.smallestConstant { return nil }
        let bound =
            behind.isEmpty ? Self.constantBound : behind.reduce(0) { $0 + Self.rounded(bases[$1].type.byteCount) }
        return unit.byteCount <= max(bound, 64 * kept.count) ? unit : nil
    }

    /// Bytes in whole cache lines.
    private static func rounded(_ byteCount: Int) -> Int { max(64, (byteCount + 63) / 64 * 64) }
}

extension DerivedScalar {
    /// True for an offset that is the same in every run.
    var isFixed: Bool {
        switch self {
        case .offset(let offset, _): offset.terms.isEmpty
        case .element: false
        }
    }
}
