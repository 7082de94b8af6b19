import MartletGraph

/// What is computed again so that a plan stays under a limit of memory.
///
/// Greedy: of the temporaries that lie idle where the plan is fullest, those go first that give most bytes for the time that
/// computing them again takes; each choice is planned and measured. At the end whatever turned out not to be needed is taken back,
/// the dearest first. The same graph and limit give the same choice.
struct RecomputationChoice {
    /// A graph with some bases given up, scheduled.
    private struct Trial {
        let givenUp: [Int: Int]
        let positions: [Int]
        let planner: Planner
        let memory: MemoryPlan
        let profile: MemoryProfile
    }

    private struct Candidate {
        let base: Int
        /// What is given up with it, each from which item on.
        let givenUp: [Int: Int]
        let byteCount: Int
        let seconds: Double
    }

    private let original: PlanGraph
    private let plan: (PlanGraph) -> Planner
    private let limit: Int

    /// The graph scheduled under the limit.
    ///
    /// - Throws: `MemoryLimitError` where no choice fits.
    static func planner(
        for graph: PlanGraph, limit: Int, _ plan: @escaping (PlanGraph) -> Planner
    ) throws(MemoryLimitError) -> Planner {
        let choice = RecomputationChoice(original: graph, plan: plan, limit: limit)
        do throws(MemoryLimitError) {
            return choice.trimmed(try choice.search(byOne: false)).planner
        } catch {
            // Steps that were too large may have led where none leads on.
            return choice.trimmed(try choice.search(byOne: true)).planner
        }
    }

    private func trial(_ givenUp: [Int: Int]) -> Trial {
        let rewritten = RecomputedGraph(original, givingUp: givenUp)
        let planner = plan(rewritten.graph)
        let memory = planner.memory
        return Trial(
            givenUp: givenUp, positions: rewritten.positions, planner: planner, memory: memory,
            profile: MemoryProfile(steps: planner.steps, graph: planner.graph, memory: memory))
    }

    private func search(byOne: Bool) throws(MemoryLimitError) -> Trial {
        var best = trial([:])
        var (least, rejected, trials) = (best, Set<[Int: Int]>(), 0)
        while best.profile.byteCount > limit {
            if trials >= Self.trialBound { throw error(least) }
            // What temporaries may take: less by what the arena loses between them.
            let profile = best.profile
            let lost = max(0, best.memory.arenaByteCount - profile.fullest.byteCount)
            let room = max(0, limit - profile.byteCount + best.memory.arenaByteCount - lost)
            let candidates = candidates(best).filter { !rejected.contains($0.givenUp) }
            if candidates.isEmpty { throw error(least) }
            var count = byOne ? 1 : enough(candidates, best.profile.byteCount - limit)
            while true {
                var givenUp = best.givenUp
                for candidate in candidates[..<count] { givenUp.merge(candidate.givenUp) { min($0, $1) } }
                let next = trial(givenUp)
                if next.profile.byteCount < least.profile.byteCount { least = next }
                trials += 1
                if next.profile.excess(over: room) < profile.excess(over: room) {
                    best = next
                    rejected = []
                    break
                }
                if count == 1 {
                    rejected.insert(candidates[0].givenUp)
                    break
                }
                count /= 2
            }
        }
        return best
    }

    /// Trials that the search may make.
    private static let trialBound = 400

    /// How many of the candidates, best first, are as large as what is missing.
    private func enough(_ candidates: [Candidate], _ missing: Int) -> Int {
        var sum = 0
        for (index, candidate) in candidates.enumerated() {
            sum += candidate.byteCount
            if sum >= missing { return index + 1 }
        }
        return candidates.count
    }

    /// Trials that the trimming may make.
    private static let trimBound = 24

    /// Takes back what need not be computed again, the dearest first.
    private func trimmed(_ found: Trial) -> Trial {
        var best = found
        let byCost = found.givenUp.keys.sorted {
            (-seconds(original.producer(of: $0)), $0) < (-seconds(original.producer(of: $1)), $1)
        }
        for base in byCost.prefix(Self.trimBound) {
            var givenUp = best.givenUp
            givenUp[base] = nil
            let next = trial(givenUp)
            if next.profile.byteCount <= limit { best = next }
        }
        return best
    }

    // MARK: Candidates

    /// Temporaries that lie idle at the fullest step and can be computed again, best first.
    private func candidates(_ trial: Trial) -> [Candidate] {
        let profile = trial.profile
        let isOriginal = original.bases.indices
        let idle = profile.aliveAtFullest.filter { base in
            guard isOriginal.contains(base), let life = profile.lives[base] else { return false }
            return life.made < profile.fullest.step && !life.reads.contains(profile.fullest.step)
                && original.bases[base].type.byteCount >= Self.smallest
        }
        let found = idle.flatMap { base in [false, true].compactMap { candidate(base, trial, movesOthers: $0) } }
        return found.sorted { left, right in
            let (a, b) = (Double(left.byteCount) / left.seconds, Double(right.byteCount) / right.seconds)
            return a != b ? a > b : (left.base, left.givenUp.count) < (right.base, right.givenUp.count)
        }
    }

    /// Bytes below which nothing is worth computing again.
    private static let smallest = 4096
    /// Items that are computed again for the sake of one base.
    private static let chainBound = 64

    /// - Parameter movesOthers: what was given up for a later place, and is read here, is computed again here already; else it is still
    ///   there.
    private func candidate(_ base: Int, _ trial: Trial, movesOthers: Bool) -> Candidate? {
        guard let life = trial.profile.lives[base],
            let step = life.reads.first(where: { $0 > trial.profile.fullest.step }),
            let position = firstPosition(readingAfter: trial.profile.fullest.step, base, life, trial),
            // One that is given up already may go earlier: a copy of another still read it.
            position < trial.givenUp[base] ?? Int.max
        else { return nil }
        var givenUp: [Int: Int] = [:]
        var (cost, extended) = (0.0, 0)
        var stack = [base]
        while let next = stack.popLast() {
            guard givenUp[next] == nil else { continue }
            guard let producer = original.producer(of: next), givenUp.count < Self.chainBound else { return nil }
            givenUp[next] = position
            // One that is given up already is only computed again earlier.
            if trial.givenUp[next] == nil { cost += seconds(producer) }
            for input in original.items[producer].inputs {
                let read = original.withoutFence(input).view.base
                if !movesOthers, trial.givenUp[read] != nil { continue }
                if isThere(read, at: step, position, trial) { continue }
                if original.bases[read].type.byteCount < Self.smallest {
                    extended += original.bases[read].type.byteCount
                } else {
                    stack.append(read)
                }
            }
        }
        let gain = original.bases[base].type.byteCount - extended
        return gain > 0 ? Candidate(base: base, givenUp: givenUp, byteCount: gain, seconds: cost + 1e-7) : nil
    }

    /// The first item of the original graph after a step of the schedule that reads the base, itself or by way of a copy.
    private func firstPosition(
        readingAfter step: Int, _ base: Int, _ life: MemoryProfile.Life, _ trial: Trial
    ) -> Int? {
        let planner = trial.planner
        return life.reads.filter { $0 > step }.flatMap { planner.steps[$0].items }
            .filter { item in planner.graph.items[item].inputs.contains { $0.view.base == base } }
            .map { trial.positions[$0] }.min()
    }

    /// True where a base is in memory at a step anyway, or costs none; `position` is that step's in the original graph.
    private func isThere(_ base: Int, at step: Int, _ position: Int, _ trial: Trial) -> Bool {
        switch original.bases[base].kind {
        case .leaf, .scalar, .index, .random, .empty, .fence: return true
        case .produced:
            if original.bases[base].isKept { return true }
            if let known = trial.givenUp[base] { return known <= position }
            return (trial.profile.lives[base]?.end ?? trial.profile.endsInResults[base] ?? -1) >= step
        }
    }

    // MARK: Costs

    /// An estimate of what running an item takes: elements moved, or arithmetic where that takes longer.
    private func seconds(_ producer: Int?) -> Double {
        guard let producer else { return 0 }
        let item = original.items[producer]
        let bases = item.inputs.map(\.view.base) + item.outputs
        let bytes = bases.reduce(0) { original.isReal($1) ? $0 + original.bases[$1].type.byteCount : $0 }
        let moving = Double(bytes) / 10e9
        // A composite's cost is its body's, which would be recorded for it: its kernels wait for memory.
        guard case .primitive(let primitive) = item.work, item.composite == nil else { return moving + 1e-6 }
        let results = item.outputs.map { base in
            TensorType(
                original.bases[base].blockedShape ?? original.bases[base].type.shape, original.bases[base].type.dtype)
        }
        let cost = primitive.family.cost(item.inputs.map(\.valueType), results)
        return max(moving, Double(cost.flops) / 100e9) + 1e-6
    }

    // MARK: What does not fit

    private func error(_ least: Trial) -> MemoryLimitError {
        let graph = least.planner.graph
        let largest = least.profile.aliveAtFullest.sorted {
            (-graph.bases[$0].type.byteCount, $0) < (-graph.bases[$1].type.byteCount, $1)
        }
        let tensors = largest.prefix(MemoryLimitError.listed).map { base -> MemoryLimitError.Large in
            let type = graph.bases[base].blockedShape.map { TensorType($0, graph.bases[base].type.dtype) }
            let item = graph.producer(of: base).map { graph.items[$0] }
            return MemoryLimitError.Large(
                type: type ?? graph.bases[base].type, byteCount: graph.bases[base].type.byteCount,
                work: item.map { $0.work.name } ?? "?", origins: item?.origins ?? [])
        }
        return MemoryLimitError(
            limit: limit, least: least.profile.byteCount, temporaries: least.memory.arenaByteCount,
            largest: Array(tensors))
    }
}

extension PlanGraph.Item.Work {
    /// The name of what an item does.
    fileprivate var name: String {
        switch self {
        case .elementwise(.unary(let function)): function.row.name
        case .elementwise(.binary(let function)): function.row.name
        case .elementwise(.select): "where"
        case .elementwise(.cast): "cast"
        case .reduce(let reduce): reduce.name
        case .primitive(let primitive): primitive.family.name
        }
    }
}
