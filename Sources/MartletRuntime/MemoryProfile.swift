import MartletGraph

/// What a scheduled graph needs of memory, step by step.
struct MemoryProfile {
    /// All that a run has at its fullest: leaves, results that take no leaf's memory, and the arena.
    let byteCount: Int
    /// The step at which most temporaries are alive, and their bytes.
    private(set) var fullest = (step: 0, byteCount: 0)
    /// Bytes of temporaries that are there at each step.
    private(set) var alive: [Int] = []
    /// For each temporary, the step that makes it and those that read it.
    private(set) var lives: [Int: Life] = [:]
    /// For each temporary that lies in the memory of the kept result written over it, the last step that reads it: it weighs nothing.
    private(set) var endsInResults: [Int: Int] = [:]

    struct Life {
        let made: Int
        var reads: [Int] = []
        /// The last step at which it has memory of its own.
        var end: Int
    }

    init(steps: [Planner.Step], graph: PlanGraph, memory: MemoryPlan) {
        byteCount = memory.peakByteCount
        for (index, step) in steps.enumerated() {
            for base in step.basesRead(graph) where lives[base] != nil {
                if lives[base]?.reads.last != index { lives[base]?.reads.append(index) }
                lives[base]?.end = index
            }
            for base in step.basesRead(graph) where endsInResults[base] != nil { endsInResults[base] = index }
            for base in step.outputs {
                if case .buffer = memory.places[base], !graph.bases[base].isKept { endsInResults[base] = index }
                guard case .arena(let offset) = memory.places[base] else { continue }
                lives[base] = Life(made: index, end: index)
                // One that takes an operand's memory is not there beside it.
                for input in step.inputs.map(\.view.base) where memory.places[input] == .arena(offset) {
                    if let life = lives[input], life.end == index { lives[input]?.end = max(life.made, index - 1) }
                }
            }
        }
        var changes = Array(repeating: 0, count: steps.count + 1)
        for (base, life) in lives {
            changes[life.made] += graph.bases[base].type.byteCount
            changes[life.end + 1] -= graph.bases[base].type.byteCount
        }
        var sum = 0
        for step in steps.indices {
            sum += changes[step]
            alive.append(sum)
            if sum > fullest.byteCount { fullest = (step, sum) }
        }
    }

    /// How far the temporaries are above so many bytes, and for how long: what a choice makes smaller though the fullest step may
    /// have a neighbour that is as full.
    func excess(over byteCount: Int) -> Double {
        alive.reduce(0) { sum, bytes in
            let above = Double(max(0, bytes - byteCount))
            return sum + above * above
        }
    }

    /// Temporaries that are there at the fullest step.
    var aliveAtFullest: [Int] {
        lives.filter { $0.value.made <= fullest.step && $0.value.end >= fullest.step }.map(\.key).sorted()
    }
}
