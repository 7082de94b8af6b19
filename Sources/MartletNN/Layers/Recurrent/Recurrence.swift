import MartletGraph
import MartletTensor

/// What a recurrent layer does at one step: the formula from which the layer and the cell of its name are made.
enum Recurrence: String, Hashable, Sendable {
    /// h' = tanh(W_ih·x + b_ih + W_hh·h + b_hh).
    case tanh
    /// h' = max(W_ih·x + b_ih + W_hh·h + b_hh, 0).
    case relu
    /// Long short-term memory; the rows of the weights are those of i, f, g and o.
    case longShortTerm
    /// Gated recurrent units; the rows of the weights are those of r, z and n.
    case gated

    /// The name in messages.
    var name: String {
        switch self {
        case .tanh, .relu: "RNN"
        case .longShortTerm: "LSTM"
        case .gated: "GRU"
        }
    }

    /// Blocks of rows that the weights hold, one a gate.
    var gates: Int {
        switch self {
        case .tanh, .relu: 1
        case .longShortTerm: 4
        case .gated: 3
        }
    }

    /// Tensors `[batch, hidden]` in a state, the layer's output first.
    var stateCount: Int { self == .longShortTerm ? 2 : 1 }

    /// Whether inputs and products count by their sum alone, so that b_hh can be added to the inputs once for all steps.
    var readsSums: Bool { self != .gated }

    /// The state after a step, without the product that leads to it.
    ///
    /// - Parameters:
    ///   - input: W_ih·x + b_ih, `[batch, gates·hidden]`; and b_hh where only sums are read.
    ///   - product: W_hh·h, and b_hh where not only sums are read.
    ///   - state: the state before.
    func step(_ input: Value, _ product: Value, _ state: [Value]) -> [Value] {
        switch self {
        case .tanh: return [(input + product).applying(.tanh)]
        case .relu: return [(input + product).applying(.relu)]
        case .longShortTerm:
            // Gate by gate, so that views of both sides and all of the arithmetic are one kernel.
            let rows = zip(split(input), split(product)).map { $0 + $1 }
            let (enter, forget) = (rows[0].applying(.sigmoid), rows[1].applying(.sigmoid))
            let leave = rows[3].applying(.sigmoid)
            let cell = forget * state[1] + enter * rows[2].applying(.tanh)
            return [leave * cell.applying(.tanh), cell]
        case .gated:
            let (x, h) = (split(input), split(product))
            let (reset, update) = ((x[0] + h[0]).applying(.sigmoid), (x[1] + h[1]).applying(.sigmoid))
            let new = (x[2] + reset * h[2]).applying(.tanh)
            return [new + update * (state[0] - new)]
        }
    }

    /// The rows of each gate.
    private func split(_ all: Value) -> [Value] {
        all.parts(axis: 1, counts: Array(repeating: all.shape[1] / gates, count: gates))
    }
}

/// The parameters of one direction of one layer, or of a cell.
struct RecurrentWeights: Sendable {
    /// W_ih, `[gates·hidden, inputs]`.
    let input: Parameter
    /// W_hh, `[gates·hidden, hidden]`.
    let hidden: Parameter
    /// b_ih, `[gates·hidden]`.
    let inputBias: Parameter?
    /// b_hh, `[gates·hidden]`.
    let hiddenBias: Parameter?

    /// From U(-1/√hidden, 1/√hidden), as PyTorch's.
    init(inputs: Int, hidden: Int, gates: Int, bias: Bool) {
        let initial = Initializer.torchBias(fanIn: hidden)
        input = Parameter(initial([gates * hidden, inputs]))
        self.hidden = Parameter(initial([gates * hidden, hidden]))
        inputBias = bias ? Parameter(initial([gates * hidden])) : nil
        hiddenBias = bias ? Parameter(initial([gates * hidden])) : nil
    }

    /// The parameters under PyTorch's names: `weight_ih` and so on, with a suffix such as `_l0_reverse`.
    func members(_ suffix: String = "") -> [(name: String, value: Any)] {
        let all: [(name: String, parameter: Parameter?)] = [
            ("weight_ih", input), ("weight_hh", hidden), ("bias_ih", inputBias), ("bias_hh", hiddenBias),
        ]
        return all.compactMap { entry in entry.parameter.map { (entry.name + suffix, $0) } }
    }

    /// W_ih·x + b_ih for all of x at once; and b_hh where the recurrence reads sums alone.
    func projected(_ x: Tensor, _ recurrence: Recurrence) -> Tensor {
        guard let inputBias, let hiddenBias else { return linear(x, input.value) }
        let bias = recurrence.readsSums ? inputBias.value + hiddenBias.value : inputBias.value
        return linear(x, input.value, bias: bias)
    }

    /// W_hh and what of b_hh is not in the projection, in the projection's type: under `autocast` all of a step is narrow.
    func stepping(_ recurrence: Recurrence, _ type: DataType) -> (weight: Value, bias: Value?) {
        (hidden.value.value.cast(to: type), recurrence.readsSums ? nil : hiddenBias?.value.value.cast(to: type))
    }
}
