import MartletGraph

// Small steps of one program as one step: starting a kernel for each would take longer than what it does. Running statistics of
// many normalisations, casts of many small parameters, one formula for each of several tensors.

extension Planner {
    /// Fused steps of one program on small tensors become one, wherever they stand, where each could as well run there: after all
    /// that it reads was made, before anything reads what it makes. The memory that the plan needs does not grow by it.
    mutating func gatherSmallSteps() {
        guard backend.fusesSteps else { return }
        let keys = SmallSteps(self).alike
        guard !keys.isEmpty else { return }
        let before = self
        for key in keys { gather(key) }
        guard steps.count < before.steps.count else { return }
        let bound = before.memory.peakByteCount
        if memory.peakByteCount <= bound { return }
        // Something lives longer now. Each program by itself, as long as it costs nothing.
        self = before
        for key in keys.prefix(Self.trialBound) {
            let last = self
            gather(key)
            if memory.peakByteCount > bound { self = last }
        }
    }

    /// Programs that are tried one by one.
    private static let trialBound = 16

    /// Gathers the steps of one program, in as few as their places allow.
    private mutating func gather(_ key: ProgramKey) {
        // What is moved changes where others may stand.
        while let found = SmallSteps(self).together(key) {
            let moved = Set(found.indices)
            let step = merged(found.indices)
            var result: [Step] = []
            for index in steps.indices {
                if index == found.place { result.append(step) }
                if !moved.contains(index) { result.append(steps[index]) }
            }
            steps = result
        }
    }

    /// One step that does what several of one program do.
    func merged(_ indices: [Int]) -> Step {
        var result = steps[indices[0]]
        if case .fused(let kernel) = result.work {
            let elements = indices.reduce(0) { sum, index in
                let step = steps[index]
                // The first result of each set.
                return stride(from: 0, to: step.outputs.count, by: step.outputs.count / step.repetitions)
                    .reduce(sum) { $0 + graph.bases[step.outputs[$1]].type.shape.elementCount }
            }
            result.work = .fused(kernel.flat(elements))
        }
        result.inputs = indices.flatMap { steps[$0].inputs }
        result.outputs = indices.flatMap { steps[$0].outputs }
        for origin in indices.flatMap({ steps[$0].origins }) where !result.origins.contains(origin) {
            result.origins.append(origin)
        }
        result.items = indices.flatMap { steps[$0].items }
        result.repetitions = indices.reduce(0) { $0 + steps[$1].repetitions }
        result.isInference = indices.allSatisfy { steps[$0].isInference }
        return result
    }
}

/// Steps that may be gathered, and where each of them may stand.
private struct SmallSteps {
    private let steps: [Planner.Step]
    private var indicesByKey: [ProgramKey: [Int]] = [:]
    /// Keys of several steps, in the order in which they are met.
    private(set) var alike: [ProgramKey] = []
    /// For each base, the step that makes it, and the first that reads it.
    private var made: [Int: Int] = [:]
    private var firstRead: [Int: Int] = [:]
    private let graph: PlanGraph

    /// Elements up to which a program runs on the thread that asks for it: starting it is a good part of what it takes.
    private static let largest = 16384

    init(_ planner: Planner) {
        (steps, graph) = (planner.steps, planner.graph)
        // What follows from parameters alone is kept from run to run in inference, each by itself.
        var isKept = Set<Int>()
        for (index, step) in steps.enumerated() {
            for base in step.outputs { made[base] = index }
            for base in step.basesRead(graph) where firstRead[base] == nil { firstRead[base] = index }
            let standsOnLeaves = step.inputs.allSatisfy { operand in
                made[operand.view.base].map { isKept.contains($0) } ?? true
            }
            if step.isInference, standsOnLeaves, !step.outputs.contains(where: { graph.bases[$0].isKept }) {
                isKept.insert(index)
            }
            guard !isKept.contains(index), let key = ProgramKey(step, graph), isSmall(step) else { continue }
            indicesByKey[key, default: []].append(index)
            if indicesByKey[key]?.count == 2 { alike.append(key) }
        }
    }

    private func isSmall(_ step: Planner.Step) -> Bool {
        step.outputs.reduce(0) { $0 + graph.bases[$1].type.shape.elementCount } <= Self.largest
    }

    /// Steps of one program that can all run right before the step `place`; nil where no two can.
    func together(_ key: ProgramKey) -> (indices: [Int], place: Int)? {
        let members = (indicesByKey[key] ?? []).map { (index: $0, window: window(of: $0)) }
            .sorted { ($0.window.end, $0.index) < ($1.window.end, $1.index) }
        for (rank, first) in members.enumerated() {
            var found = [first.index]
            for other in members[(rank + 1)...] where other.window.begin < first.window.end {
                let depends = found.contains { reads(other.index, $0) || reads($0, other.index) }
                if !depends { found.append(other.index) }
            }
            guard found.count > 1, let last = found.max() else { continue }
            // At the place of the last one, or, where that comes too late for the first one's reader, before that reader.
            return (found.sorted(), min(last, first.window.end))
        }
        return nil
    }

    private func reads(_ reader: Int, _ source: Int) -> Bool {
        steps[reader].basesRead(graph).contains { made[$0] == source }
    }

    /// The steps between which one may run: after the one, before the other.
    private func window(of index: Int) -> (begin: Int, end: Int) {
        let begin = steps[index].basesRead(graph).compactMap { made[$0] }.max() ?? -1
        let end = steps[index].outputs.compactMap { firstRead[$0] }.min() ?? steps.count
        return (begin, end)
    }
}
