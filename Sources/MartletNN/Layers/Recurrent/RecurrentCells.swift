import MartletGraph
import MartletTensor

// Single steps of the recurrent layers.

/// One step of `RNN`, for loops of your own.
///
/// ## Shapes
/// - x `[batch, inputs]`, state `[batch, hidden]` → the state after the step
/// - `weight_ih` `[hidden, inputs]`, `weight_hh` `[hidden, hidden]`, biases `[hidden]`
public final class RNNCell: Module {
    private let recurrence: Recurrence
    private let weights: RecurrentWeights
    private let hidden: Int

    /// Parameters start from U(-1/√hidden, 1/√hidden), as PyTorch's do.
    public init(_ inputs: Int, _ hidden: Int, bias: Bool = true, nonlinearity: RNN.Nonlinearity = .tanh) {
        recurrence = nonlinearity == .tanh ? .tanh : .relu
        guard inputs > 0, hidden > 0 else { stop("RNNCell(\(inputs), \(hidden)): positive sizes are expected") }
        weights = RecurrentWeights(inputs: inputs, hidden: hidden, gates: recurrence.gates, bias: bias)
        self.hidden = hidden
    }

    /// The parameters, under PyTorch's names.
    public var members: [(name: String, value: Any)] { weights.members() }

    /// The state after one more input; from zeros where there is none.
    public func callAsFunction(_ x: Tensor, state: Tensor? = nil) -> Tensor {
        stepped(recurrence, weights, x, state.map { [$0] }, hidden)[0]
    }
}

/// One step of `LSTM`, for loops of your own.
///
/// ## Shapes
/// - x `[batch, inputs]`, state `[batch, hidden]` → the state after the step
/// - `weight_ih` `[4·hidden, inputs]`, `weight_hh` `[4·hidden, hidden]`, biases `[4·hidden]`
public final class LSTMCell: Module {
    private let recurrence = Recurrence.longShortTerm
    private let weights: RecurrentWeights
    private let hidden: Int

    /// Parameters start from U(-1/√hidden, 1/√hidden), as PyTorch's do.
    public init(_ inputs: Int, _ hidden: Int, bias: Bool = true) {
        guard inputs > 0, hidden > 0 else { stop("LSTMCell(\(inputs), \(hidden)): positive sizes are expected") }
        weights = RecurrentWeights(inputs: inputs, hidden: hidden, gates: recurrence.gates, bias: bias)
        self.hidden = hidden
    }

    /// The parameters, under PyTorch's names.
    public var members: [(name: String, value: Any)] { weights.members() }

    /// The state after one more input; from zeros where there is none.
    public func callAsFunction(_ x: Tensor, state: LSTM.State? = nil) -> LSTM.State {
        let last = stepped(recurrence, weights, x, state?.leaves, hidden)
        return LSTM.State(hidden: last[0], cell: last[1])
    }
}

/// One step of `GRU`, for loops of your own.
///
/// ## Shapes
/// - x `[batch, inputs]`, state `[batch, hidden]` → the state after the step
/// - `weight_ih` `[3·hidden, inputs]`, `weight_hh` `[3·hidden, hidden]`, biases `[3·hidden]`
public final class GRUCell: Module {
    private let recurrence = Recurrence.gated
    private let weights: RecurrentWeights
    private let hidden: Int

    /// Parameters start from U(-1/√hidden, 1/√hidden), as PyTorch's do.
    public init(_ inputs: Int, _ hidden: Int, bias: Bool = true) {
        guard inputs > 0, hidden > 0 else { stop("GRUCell(\(inputs), \(hidden)): positive sizes are expected") }
        weights = RecurrentWeights(inputs: inputs, hidden: hidden, gates: recurrence.gates, bias: bias)
        self.hidden = hidden
    }

    /// The parameters, under PyTorch's names.
    public var members: [(name: String, value: Any)] { weights.members() }

    /// The state after one more input; from zeros where there is none.
    public func callAsFunction(_ x: Tensor, state: Tensor? = nil) -> Tensor {
        stepped(recurrence, weights, x, state.map { [$0] }, hidden)[0]
    }
}

private func stepped(
    _ recurrence: Recurrence, _ weights: RecurrentWeights, _ x: Tensor, _ state: [Tensor]?, _ hidden: Int
) -> [Tensor] {
    let inputs = weights.input.shape[1]
    guard x.rank == 2, x.shape[1] == inputs, state?.allSatisfy({ $0.shape.sizes == [x.shape[0], hidden] }) ?? true
    else {
        let found = [x.shape] + (state ?? []).map(\.shape)
        stop(
            "\(recurrence.name)Cell: an input [batch, \(inputs)] and states [batch, \(hidden)] are expected, not \(found)"
        )
    }
    let projected = weights.projected(x, recurrence)
    let zeros = onNoDevice { Tensor.zeros([x.shape[0], hidden], dtype: projected.dtype) }
    let before = (state ?? Array(repeating: zeros, count: recurrence.stateCount)).map {
        $0.value.cast(to: projected.dtype)
    }
    let (weight, bias) = weights.stepping(recurrence, projected.dtype)
    let product = before[0].matmul(weight.transposed, bias: bias)
    return recurrence.step(projected.value, product, before).map { Tensor($0) }
}
