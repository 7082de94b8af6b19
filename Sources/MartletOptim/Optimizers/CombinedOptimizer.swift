import MartletNN
import MartletTensor

/// Several optimizers as one, each with parameters of its own: Muon for the matrices inside a network, AdamW for the rest.
///
///     let optimizer = CombinedOptimizer([Muon(matrices, learningRate: 0.02), AdamW(others, learningRate: 1e-3)])
///
/// Its groups are theirs, one after the other; its state has theirs under `0.`, `1.` and so on.
public final class CombinedOptimizer: Optimizer {
    /// The optimizers, in order.
    public let parts: [Optimizer]

    /// One of several, which must not be stepped by themselves from then on. Stops where one asks for the loss itself.
    public init(_ parts: [Optimizer]) {
        for part in parts where part.evaluatesRepeatedly {
            stop("CombinedOptimizer: \(type(of: part)) asks for the loss by itself, and cannot be a part")
        }
        self.parts = parts
        super.init(parts.flatMap(\.groups), stateNames: [], settings: nil)
    }

    override package func record() { for part in parts { part.record() } }

    override public var hasEvaluationWeights: Bool { parts.contains(where: \.hasEvaluationWeights) }
    override public func eval() { for part in parts { part.eval() } }
    override public func train() { for part in parts { part.train() } }

    // MARK: State

    override public var stepCount: Int { parts[0].stepCount }
    override public var stateSlots: [StateSlot] { parts.flatMap(\.stateSlots) }
    override public var stateNumbers: [StateNumber] { parts.flatMap(\.stateNumbers) }

    /// The parts' tensors by `part.name`, the parts counted from 0.
    override public var state: State {
        var state = State(tensors: [:], stepCount: Double(stepCount), learningRates: groups.map(\.learningRate))
        for (index, part) in parts.enumerated() { state.add(part.state, as: "\(index).") }
        return state
    }

    override public func load(_ state: State) throws(StateDictionaryError) {
        var error = StateDictionaryError()
        error.unexpected = state.tensors.keys.filter { name in
            !parts.indices.contains { name.hasPrefix("\($0).") }
        }.sorted()
        if state.learningRates.count != groups.count {
            error.missing.append("a learning rate for each of \(groups.count) groups")
        }
        if error != StateDictionaryError() { throw error }
        // A part refuses what does not fit before it changes anything; those before it are put back.
        let before = parts.map(\.state)
        var rates = state.learningRates[...]
        for (index, part) in parts.enumerated() {
            let own = Array(rates.prefix(part.groups.count))
            rates = rates.dropFirst(part.groups.count)
            do throws(StateDictionaryError) {
                try part.load(state.part("\(index).", learningRates: own))
            } catch {
                for (done, state) in zip(parts.prefix(index), before) { try done.load(state) }
                throw error
            }
        }
    }
}
