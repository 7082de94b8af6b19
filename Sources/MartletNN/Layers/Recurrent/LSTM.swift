import MartletGraph
import MartletTensor

/// Long short-term memory, layers of it above one another.
///
///     i, f, o = σ(W·xₜ + b + U·hₜ₋₁ + u)      g = tanh(W·xₜ + b + U·hₜ₋₁ + u)      each with rows of its own
///     cₜ = f·cₜ₋₁ + i·g                       hₜ = o·tanh(cₜ)
///
/// ## Shapes
/// - `[time, batch, inputs]` → `[time, batch, directions·hidden]`, or batch before time with `batchFirst`
/// - state `[layers·directions, batch, hidden]`, layer by layer and within one forwards first
/// - `weight_ih_l0` `[4·hidden, inputs]`, `weight_hh_l0` `[4·hidden, hidden]`, biases `[4·hidden]`: PyTorch's names
///
/// Source: S. Hochreiter and J. Schmidhuber (1997) and F. Gers et al. (2000), in the form of torch.nn.LSTM.
public final class LSTM: Layer, ModeDependent, CountsOperations {
    /// What the layer remembers from step to step.
    public struct State: TensorTree, Sendable {
        /// h, the outputs, `[layers·directions, batch, hidden]`.
        public var hidden: Tensor
        /// c, the cells, of the same shape.
        public var cell: Tensor

        /// A state of outputs and cells.
        public init(hidden: Tensor, cell: Tensor) { (self.hidden, self.cell) = (hidden, cell) }

        /// h and c.
        public var leaves: [Tensor] { [hidden, cell] }
        /// The same pair of other tensors.
        public func replacing(_ leaves: inout ArraySlice<Tensor>) -> State {
            State(hidden: hidden.replacing(&leaves), cell: cell.replacing(&leaves))
        }
    }

    /// Training or evaluation, as `train()` and `eval()` set it: only dropout between layers asks.
    public let mode = ModeSwitch()
    private let stack: RecurrentStack

    /// Parameters start from U(-1/√hidden, 1/√hidden), as PyTorch's do.
    ///
    /// - Parameters:
    ///   - inputs: the features of an input.
    ///   - hidden: the numbers of a state.
    ///   - layers: layers above one another, each reading the outputs of the one below.
    ///   - bias: whether there are biases.
    ///   - batchFirst: whether inputs and outputs are `[batch, time, features]` and not `[time, batch, features]`.
    ///   - dropout: the probability with which outputs between layers become 0 in training.
    ///   - bidirectional: whether each layer also reads backwards; its outputs then have 2·hidden features.
    public init(
        _ inputs: Int, _ hidden: Int, layers: Int = 1, bias: Bool = true, batchFirst: Bool = false, dropout: Double = 0,
        bidirectional: Bool = false
    ) {
        stack = RecurrentStack(
            .longShortTerm, inputs: inputs, hidden: hidden, layers: layers, bias: bias,
            batchFirst: batchFirst, dropout: dropout, bidirectional: bidirectional)
    }

    /// The parameters, under PyTorch's names.
    public var members: [(name: String, value: Any)] { stack.members }

    /// The outputs of the last layer at every step, from a state of zeros.
    public func callAsFunction(_ x: Tensor) -> Tensor { self(x, state: nil).output }

    /// The outputs of the last layer at every step, and the state after each example's last one.
    ///
    /// - Parameters:
    ///   - x: the inputs.
    ///   - state: the state to begin with; zeros where nil.
    ///   - lengths: the steps of each example, integers `[batch]`: what stands behind them is not read, and gives zeros.
    public func callAsFunction(
        _ x: Tensor, state: State?, lengths: Tensor? = nil
    ) -> (output: Tensor, state: State) {
        var last: [Tensor] = []
        let output = observed(x) { x in
            let result = stack.run(x, from: state?.leaves, lengths: lengths, isTraining: mode.isTraining)
            last = result.state
            return result.output
        }
        return (output, State(hidden: last[0], cell: last[1]))
    }

    /// One for each weight, step and example.
    public func multiplyAdds(input: Shape, output: Shape) -> Int { stack.multiplyAdds(input: input) }
}
