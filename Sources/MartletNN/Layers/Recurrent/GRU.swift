import MartletGraph
import MartletTensor

/// Gated recurrent units, layers of them above one another.
///
///     r, z = σ(W·xₜ + b + U·hₜ₋₁ + u)         n = tanh(W·xₜ + b + r·(U·hₜ₋₁ + u))   each with rows of its own
///     hₜ = (1 - z)·n + z·hₜ₋₁
///
/// ## Shapes
/// - `[time, batch, inputs]` → `[time, batch, directions·hidden]`, or batch before time with `batchFirst`
/// - state `[layers·directions, batch, hidden]`, layer by layer and within one forwards first
/// - `weight_ih_l0` `[3·hidden, inputs]`, `weight_hh_l0` `[3·hidden, hidden]`, biases `[3·hidden]`: PyTorch's names
///
/// Source: K. Cho et al. (2014), in the form of torch.nn.GRU.
public final class GRU: Layer, ModeDependent, CountsOperations {
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
            .gated, inputs: inputs, hidden: hidden, layers: layers, bias: bias,
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
        _ x: Tensor, state: Tensor?, lengths: Tensor? = nil
    ) -> (output: Tensor, state: Tensor) {
        var last: [Tensor] = []
        let output = observed(x) { x in
            let result = stack.run(x, from: state.map { [$0] }, lengths: lengths, isTraining: mode.isTraining)
            last = result.state
            return result.output
        }
        return (output, last[0])
    }

    /// One for each weight, step and example.
    public func multiplyAdds(input: Shape, output: Shape) -> Int { stack.multiplyAdds(input: input) }
}
