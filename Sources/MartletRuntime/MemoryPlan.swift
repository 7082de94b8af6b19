import MartletGraph

/// Where every base lives: a leaf's memory, a buffer of its own because somebody keeps it, or a stretch of the arena for as
/// long as it is needed.
struct MemoryPlan {
    enum Place: Equatable {
        case leaf(Int)
        /// Index among the run's own buffers.
        case buffer(Int)
        /// Byte offset in the arena.
        case arena(Int)
        /// Byte offset in what a unit of `ConstantFolding` keeps.
        case folded(unit: Int, Int)
        case nowhere
    }

    /// A buffer that outlives the run.
    struct KeptBuffer {
        let byteCount: Int
        /// The leaf whose memory it may take over if nobody else holds it by then.
        var donor: Int?
    }

    private(set) var places: [Place]
    private(set) var buffers: [KeptBuffer] = []
    private(set) var arenaByteCount = 0
    private let graph: PlanGraph
    private let passes: PlanPasses
    private var lastUse: [Int]
    private var free: [(offset: Int, size: Int)] = []
    private var donatedLeaves = Set<Int>()
    /// For a temporary the kept result that is written over it, in whose memory it lies from the first.
    private var heirs: [Int: Int] = [:]
    /// The arena's stretches; and for each base that lies in it its own.
    private var stretches: [ArenaPacking.Stretch] = []
    private var stretchOfBase: [Int: Int] = [:]
    /// Bytes of the arena that are needed now, and at the fullest step: no packing takes fewer.
    private var liveByteCount = 0
    private var leastByteCount = 0

    /// Bytes of what is kept from run to run.
    private let foldedByteCount: Int

    /// - Parameter folded: places that are settled, of so many bytes.
    init(
        steps: [Planner.Step], graph: PlanGraph, kept: [PlanGraph.Operand], backend: any Backend, passes: PlanPasses,
        folded: [Int: Place] = [:], byteCount: Int = 0
    ) {
        self.graph = graph
        self.passes = passes
        foldedByteCount = byteCount
        places = graph.bases.map { base in
            if case .leaf(let index) = base.kind { return .leaf(index) }
            return .nowhere
        }
        for (base, place) in folded { places[base] = place }
        lastUse = Array(repeating: -1, count: graph.bases.count)
        for (index, step) in steps.enumerated() {
            for base in step.basesRead(graph) { lastUse[base] = index }
        }
        for operand in kept { lastUse[operand.view.base] = Int.max }
        for operand in kept { placeEmpty(operand.view.base) }
        for (index, step) in steps.enumerated() { findHeirs(step, index, backend) }
        for (index, step) in steps.enumerated() {
            place(step, index, backend)
            let horizon = PlannedBug.planted == .arenaOverlap ? index + 1 : index
            for base in Set(step.basesRead(graph) + step.outputs) where lastUse[base] <= horizon {
                release(base, after: index)
            }
        }
        if passes.contains(.memoryReuse) { pack() }
    }

    /// Packs the arena once more, by size, where that may be tighter than step by step.
    private mutating func pack() {
        guard arenaByteCount - leastByteCount > arenaByteCount / 64 else { return }
        let packing = ArenaPacking(stretches)
        guard packing.byteCount < arenaByteCount else { return }
        arenaByteCount = packing.byteCount
        for (base, stretch) in stretchOfBase { places[base] = .arena(packing.offsets[stretch]) }
    }

    /// All that a run has at its fullest: leaves, results that take no leaf's memory, and the arena.
    var peakByteCount: Int {
        let leaves = graph.bases.reduce(0) { sum, base in
            if case .leaf = base.kind { sum + base.type.byteCount } else { sum }
        }
        return leaves + buffers.reduce(0) { $0 + ($1.donor == nil ? $1.byteCount : 0) } + arenaByteCount
            + foldedByteCount
    }

    /// A kept result without elements is made by no step: it gets a buffer of no bytes.
    private mutating func placeEmpty(_ base: Int) {
        guard case .empty = graph.bases[base].kind, places[base] == .nowhere else { return }
        places[base] = .buffer(buffers.count)
        buffers.append(KeptBuffer(byteCount: 0))
    }

    /// Finds memory for what a step makes, over a dying operand's where the kernel allows it.
    private mutating func place(_ step: Planner.Step, _ index: Int, _ backend: any Backend) {
        var taken = Set<Int>()
        for (position, base) in step.outputs.enumerated() {
            let type = graph.bases[base].type
            if type.byteCount == 0 { continue }
            switch places[base] {
            case .folded, .buffer: continue
            case .leaf, .arena, .nowhere: break
            }
            let isKept = graph.bases[base].isKept
            if let heir = heirs[base] {
                places[base] = .buffer(buffers.count)
                places[heir] = places[base]
                buffers.append(KeptBuffer(byteCount: type.byteCount))
                continue
            }
            let donor = donors(step, position, backend).first { candidate in
                !taken.contains(candidate.view.base) && canBeWrittenOver(candidate, by: base, step, index)
                    && canGive(candidate.view.base, toKept: isKept)
            }
            if isKept {
                var buffer = KeptBuffer(byteCount: type.byteCount)
                if let donor, case .leaf(let leaf) = graph.bases[donor.view.base].kind,
                    donatedLeaves.insert(leaf).inserted
                {
                    buffer.donor = leaf
                    taken.insert(donor.view.base)
                }
                places[base] = .buffer(buffers.count)
                buffers.append(buffer)
            } else if let donor, case .arena(let offset) = places[donor.view.base] {
                places[base] = .arena(offset)
                places[donor.view.base] = .nowhere
                stretchOfBase[base] = stretchOfBase[donor.view.base]
                donorPlaces[donor.view.base] = offset
                taken.insert(donor.view.base)
            } else {
                places[base] = .arena(allocate(type.byteCount))
                let size = MemoryPlan.rounded(type.byteCount)
                stretchOfBase[base] = stretches.count
                stretches.append(.init(byteCount: size, first: index, last: .max))
                liveByteCount += size
                leastByteCount = max(leastByteCount, liveByteCount)
            }
        }
        for (base, offset) in donorPlaces { places[base] = .arena(offset) }
        for base in donorPlaces.keys { lastUse[base] = Int.max - 1 }
        donorPlaces = [:]
    }

    /// True where the step may write the result over an operand, which it reads once and nobody after it.
    private func canBeWrittenOver(
        _ operand: PlanGraph.Operand, by base: Int, _ step: Planner.Step, _ index: Int
    ) -> Bool {
        let (own, type) = (operand.view.base, graph.bases[base].type)
        return operand.type.byteCount == type.byteCount && operand.type.dtype == type.dtype
            && (lastUse[own] == index || PlannedBug.planted == .wrongDonation)
            && graph.isWhole(operand) && !graph.bases[own].isKept
            && step.basesRead(graph).filter { $0 == own }.count == 1
    }

    /// Kept results that may be written over a temporary and over no leaf: the zeros that an optimizer's moments begin with lie where
    /// the moments will.
    private mutating func findHeirs(_ step: Planner.Step, _ index: Int, _ backend: any Backend) {
        guard passes.contains(.memoryReuse) else { return }
        for (position, base) in step.outputs.enumerated()
        where graph.bases[base].isKept && graph.bases[base].type.byteCount > 0 && places[base] == .nowhere {
            let candidates = donors(step, position, backend).filter { canBeWrittenOver($0, by: base, step, index) }
                .map(\.view.base)
            let isLeaf = candidates.contains {
                if case .leaf = places[$0] { true } else { false }
            }
            let temporary = candidates.first {
                guard case .produced = graph.bases[$0].kind else { return false }
                return places[$0] == .nowhere && heirs[$0] == nil
            }
            if !isLeaf, let temporary { heirs[temporary] = base }
        }
    }

    /// Operands whose stretch a result of the same step took: they are not released a second time.
    private var donorPlaces: [Int: Int] = [:]

    /// Operands whose memory a result may take.
    private func donors(_ step: Planner.Step, _ position: Int, _ backend: any Backend) -> [PlanGraph.Operand] {
        guard passes.contains(.donation) else { return [] }
        let outputs = step.outputs.count / step.repetitions
        let inputs = step.inputs.count / step.repetitions
        switch step.work {
        case .fused(let kernel):
            guard kernel.outputs[position % outputs].reduction == nil else { return [] }
            // What is reduced, or stored as it is, is read where it lies when results have been written.
            let readLast = Set(kernel.outputs.map(\.register))
            let kept = Set(
                kernel.inputs.indices.compactMap { register -> Int? in
                    guard readLast.contains(register), case .operand(let index) = kernel.inputs[register].source else {
                        return nil
                    }
                    return index
                })
            let first = position / outputs * inputs
            return (0..<inputs).filter { !kept.contains($0) }.map { step.inputs[first + $0] }
        case .primitive(let primitive, _):
            guard let own = backend.donation(primitive, result: position % outputs) else { return [] }
            return [step.inputs[position / outputs * inputs + own]]
        }
    }

    /// A kept result can take a leaf's memory only, a temporary one the arena's only: an update takes what it renews, and not the
    /// gradient beside it.
    private func canGive(_ base: Int, toKept isKept: Bool) -> Bool {
        switch places[base] {
        case .leaf(let leaf): isKept && !donatedLeaves.contains(leaf)
        case .arena: !isKept
        case .buffer, .folded, .nowhere: false
        }
    }

    private mutating func release(_ base: Int, after step: Int) {
        guard passes.contains(.memoryReuse), case .arena(let offset) = places[base], lastUse[base] != Int.max - 1
        else { return }
        lastUse[base] = Int.max - 1
        if let stretch = stretchOfBase[base] {
            stretches[stretch].last = step
            liveByteCount -= stretches[stretch].byteCount
        }
        free.append((offset, MemoryPlan.rounded(graph.bases[base].type.byteCount)))
        free.sort { $0.offset < $1.offset }
        var merged: [(offset: Int, size: Int)] = []
        for piece in free {
            if let last = merged.last, last.offset + last.size == piece.offset {
                merged[merged.count - 1].size += piece.size
            } else {
                merged.append(piece)
            }
        }
        free = merged
    }

    /// The smallest free stretch that fits, else the arena grows.
    private mutating func allocate(_ byteCount: Int) -> Int {
        let size = MemoryPlan.rounded(byteCount)
        var best: Int?
        for index in free.indices where free[index].size >= size {
            if best.map({ free[index].size < free[$0].size }) ?? true { best = index }
        }
        if let best {
            let offset = free[best].offset
            free[best] = (offset + size, free[best].size - size)
            if free[best].size == 0 { free.remove(at: best) }
            return offset
        }
        if let last = free.last, last.offset + last.size == arenaByteCount {
            free.removeLast()
            arenaByteCount = last.offset + size
            return last.offset
        }
        arenaByteCount += size
        return arenaByteCount - size
    }

    private static func rounded(_ byteCount: Int) -> Int { max(64, (byteCount + 63) / 64 * 64) }
}

extension Planner.Step {
    /// Every base whose memory the step reads, once for each time it does.
    func basesRead(_ graph: PlanGraph) -> [Int] {
        var result = inputs.map(\.view.base)
        for scalar in derived {
            if case .element(let view, _, _) = scalar, graph.isReal(view.base) { result.append(view.base) }
        }
        return result
    }
}
