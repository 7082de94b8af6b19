import MartletGraph
import MartletNN
import MartletTensor

/// Lookahead: an optimizer runs k steps ahead, then its weights and a slow copy of them meet.
///
///     every k steps:  slow ← slow + α·(p - slow),  p ← slow
///
/// The optimizer that it wraps keeps its own state; both are in `state`.
///
/// Source: M. Zhang et al., "Lookahead optimizer: k steps forward, 1 step back" (2019), algorithm 1.
public final class Lookahead: Optimizer {
    /// What takes the steps.
    public let base: Optimizer
    /// k: the steps between two meetings.
    public let period: Int
    /// α: how far the slow weights go towards the fast ones.
    public let share: Double

    /// An optimizer around another, which must not be stepped by itself from then on.
    public init(_ base: Optimizer, period: Int = 5, share: Double = 0.5) {
        guard period >= 1 else { stop("Lookahead: the period must be at least 1, it is \(period)") }
        guard !base.evaluatesRepeatedly else {
            stop("Lookahead: \(type(of: base)) asks for the loss by itself; wrap Lookahead in it where that is SAM")
        }
        (self.base, self.period, self.share) = (base, period, share)
        super.init(base.groups, stateNames: ["slow_buffer"], settings: nil)
    }

    override package func record() {
        withoutGradient {
            // The slow weights begin where the fast ones do.
            for (groupIndex, group) in groups.enumerated() {
                for (index, parameter) in group.parameters.enumerated() where parameter.gradient != nil {
                    guard let slot = slot("slow_buffer", group: groupIndex, parameter: index) else { continue }
                    if slot.tensor == nil { slot.tensor = parameter.value.detached() }
                }
            }
        }
        base.record()
        super.record()
    }

    override public var hasEvaluationWeights: Bool { base.hasEvaluationWeights }
    override public func eval() { base.eval() }
    override public func train() { base.train() }

    /// The meeting has no use for a gradient: the parameter stands in its place.
    override package func gradient(of parameter: Parameter) -> Value? {
        parameter.gradient.map { _ in parameter.value.detached().value }
    }

    override package func composite(_ group: ParameterGroup, isFirst: Bool) -> any Composite { LookaheadUpdate() }

    override package func scalars(_ group: ParameterGroup, isFirst: Bool, count: StateNumber) -> [Value] {
        let k = Double(period)
        return [
            group.rate.value(), .setting(share),
            count.value { $0.truncatingRemainder(dividingBy: k) == 0 ? 1 : 0 },
        ]
    }

    // MARK: State

    override public var stateSlots: [StateSlot] { super.stateSlots + base.stateSlots }
    override public var stateNumbers: [StateNumber] { super.stateNumbers + base.stateNumbers }

    /// The wrapped optimizer's state and the slow weights.
    override public var state: State {
        var state = super.state
        state.add(base.state, as: "base.")
        return state
    }

    override public func load(_ state: State) throws(StateDictionaryError) {
        var own = state
        own.tensors = state.tensors.filter { !$0.key.hasPrefix("base.") }
        let inner = try state.part("base.", learningRates: state.learningRates)
        // Either refuses what does not fit before it changes anything; the base is put back where this one refuses.
        let before = base.state
        try base.load(inner)
        do throws(StateDictionaryError) { try super.load(own) } catch {
            try base.load(before)
            throw error
        }
    }
}

private struct LookaheadUpdate: UpdateFormula {
    var form: UpdateForm { UpdateForm() }
    var name: String { "lookaheadUpdate" }
    var numberNames: [String] { ["share", "meets"] }

    func step(_ inputs: UpdateInputs) -> UpdateResults {
        let (alpha, meets) = (inputs.numbers[0], inputs.numbers[1].value)
        let (p, old) = (inputs.parameter, inputs.state[0])
        let isMeeting = meets .> meets.constant(0)
        let slow = Value.choose(isMeeting, old + alpha * (p - old), old)
        return UpdateResults(Value.choose(isMeeting, slow, p), [slow])
    }
}
