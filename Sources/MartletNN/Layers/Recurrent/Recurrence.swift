import MartletGraph
import MartletTensor

/// One step of a recurrent layer: its formula, from which the layer and the cell of that name are made.
protocol Recurrence: Sendable {
    /// The name in messages.
    var name: String { get }
    /// Blocks of rows that the weights hold, one a gate.
    var gates: Int { get }
    /// Tensors `[batch, hidden]` in a state, the layer's output first.
    var stateCount: Int { get }
    /// Whether the hidden side's bias can be added to the input's once for all steps.
    var addsBiases: Bool { get }
    /// The state after a step.
    ///
    /// - Parameters:
    ///   - projected: W_ih·x + b_ih, `[batch, gates·hidden]`; and b_hh where `addsBiases`
    ///   - state: the state before
    ///   - hidden: W_hhᵀ, `[hidden, gates·hidden]`
    ///   - bias: b_hh, where it is not in `projected`
    func step(_ projected: Tensor, _ state: [Tensor], hidden: Tensor, bias: Tensor?) -> [Tensor]
}

/// h' = tanh(W_ih·x + b_ih + W_hh·h + b_hh), or with ReLU.
struct PlainRecurrence: Recurrence {
    let nonlinearity: RNN.Nonlinearity
    let name = "RNN"
    let gates = 1
    let stateCount = 1
    let addsBiases = true

    func step(_ projected: Tensor, _ state: [Tensor], hidden: Tensor, bias: Tensor?) -> [Tensor] {
        let sum = projected + matmul(state[0], hidden)
        return [nonlinearity == .tanh ? tanh(sum) : relu(sum)]
    }
}

/// The rows of the weights are those of i, f, g and o.
struct LongShortTermRecurrence: Recurrence {
    let name = "LSTM"
    let gates = 4
    let stateCount = 2
    let addsBiases = true

    func step(_ projected: Tensor, _ state: [Tensor], hidden: Tensor, bias: Tensor?) -> [Tensor] {
        let size = state[0].shape[1]
        let gates = (projected + matmul(state[0], hidden)).parts([size, size, size, size], axis: 1)
        let (input, forget, candidate, output) = (
            sigmoid(gates[0]), sigmoid(gates[1]), tanh(gates[2]), sigmoid(gates[3])
        )
        let cell = forget * state[1] + input * candidate
        return [output * tanh(cell), cell]
    }
}

/// The rows of the weights are those of r, z and n.
struct GatedRecurrence: Recurrence {
    let name = "GRU"
    let gates = 3
    let stateCount = 1
    let addsBiases = false

    func step(_ projected: Tensor, _ state: [Tensor], hidden: Tensor, bias: Tensor?) -> [Tensor] {
        let size = state[0].shape[1]
        var product = matmul(state[0], hidden)
        if let bias { product = product + bias }
        let (x, h) = (projected.parts([size, size, size], axis: 1), product.parts([size, size, size], axis: 1))
        let (reset, update) = (sigmoid(x[0] + h[0]), sigmoid(x[1] + h[1]))
        let new = tanh(x[2] + reset * h[2])
        return [new + update * (state[0] - new)]
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

    /// W_ih·x + b_ih for all of x at once; and b_hh where the recurrence adds it there.
    func projected(_ x: Tensor, _ recurrence: some Recurrence) -> Tensor {
        guard let inputBias, let hiddenBias else { return linear(x, input.value) }
        let bias = recurrence.addsBiases ? inputBias.value + hiddenBias.value : inputBias.value
        return linear(x, input.value, bias: bias)
    }

    /// What the steps of a recurrence take of these parameters.
    func stepping(_ recurrence: some Recurrence) -> (hidden: Tensor, bias: Tensor?) {
        (hidden.value.transpose(), recurrence.addsBiases ? nil : hiddenBias?.value)
    }
}
