import MartletGraph
import MartletTensor

/// Layers of a recurrence above one another, in one direction or both: what RNN, LSTM and GRU are made of.
///
/// The product of the inputs is taken for all steps at once; what remains in the loop over time (`RecurrentSequence`) is the product
/// of the hidden state and the gates, which the planner fuses.
struct RecurrentStack: Sendable {
    let step: Recurrence
    let inputs: Int
    let hidden: Int
    let layers: Int
    let batchFirst: Bool
    let dropout: Double
    let directions: Int
    /// By layer, and within a layer by direction.
    let weights: [RecurrentWeights]

    init(
        _ step: Recurrence, inputs: Int, hidden: Int, layers: Int, bias: Bool, batchFirst: Bool, dropout: Double,
        bidirectional: Bool
    ) {
        guard inputs > 0, hidden > 0, layers > 0, (0..<1).contains(dropout) else {
            stop(
                "\(step.name)(\(inputs), \(hidden), layers: \(layers), dropout: \(dropout)): positive sizes and a probability "
                    + "from 0 up to 1 are expected")
        }
        (self.step, self.inputs, self.hidden, self.layers) = (step, inputs, hidden, layers)
        (self.batchFirst, self.dropout, directions) = (batchFirst, dropout, bidirectional ? 2 : 1)
        let directions = directions
        weights = (0..<(layers * directions)).map { index in
            RecurrentWeights(
                inputs: index < directions ? inputs : hidden * directions, hidden: hidden, gates: step.gates, bias: bias
            )
        }
    }

    /// Parameters under PyTorch's names: `weight_ih_l0`, `weight_hh_l0`, ..., `weight_ih_l0_reverse`, ...
    var members: [(name: String, value: Any)] {
        weights.enumerated().flatMap { index, own in
            own.members("_l\(index / directions)\(index % directions == 1 ? "_reverse" : "")")
        }
    }

    /// One for each weight, step and example.
    func multiplyAdds(input: Shape) -> Int {
        let perStep = weights.reduce(0) { $0 + $1.input.shape.elementCount + $1.hidden.shape.elementCount }
        return input.sizes.prefix(2).reduce(1, *) * perStep
    }

    /// The last layer's outputs at every step, and the state after the last step of each layer and direction.
    ///
    /// - Parameters:
    ///   - x: `[time, batch, inputs]`, or `[batch, time, inputs]` where `batchFirst`
    ///   - initial: tensors `[layers·directions, batch, hidden]`; zeros where nil
    ///   - lengths: the steps of each example, `[batch]`; what stands behind them is passed over and gives zeros
    func run(
        _ x: Tensor, from initial: [Tensor]? = nil, lengths: Tensor? = nil, isTraining: Bool
    ) -> (output: Tensor, state: [Tensor]) {
        guard x.rank == 3, x.shape[2] == inputs, x.elementCount > 0 else {
            stop(
                "\(step.name): an input [\(batchFirst ? "batch, time" : "time, batch"), \(inputs)] is expected, not \(x.shape)"
            )
        }
        var sequence = batchFirst ? x.transpose(0, 1) : x
        let (time, batch) = (sequence.shape[0], sequence.shape[1])
        let states = initial.map { checked($0, batch) }
        let running = lengths.map { stillRunning($0, time, batch) }
        var last: [[Tensor]] = []
        for layer in 0..<layers {
            if layer > 0, dropout > 0, isTraining { sequence = MartletNN.dropout(sequence, probability: dropout) }
            var outputs: [Tensor] = []
            for direction in 0..<directions {
                let index = layer * directions + direction
                let start = states.map { $0.map { $0.narrow(axis: 0, start: index, count: 1).squeeze(axis: 0) } }
                let pass = passed(
                    sequence, weights[index], from: start, running: running, backwards: direction == 1)
                outputs.append(pass.output)
                last.append(pass.state)
            }
            sequence = outputs.count == 1 ? outputs[0] : concatenated(outputs, axis: 2)
        }
        let state = (0..<step.stateCount).map { part in stacked(last.map { $0[part] }) }
        return (batchFirst ? sequence.transpose(0, 1) : sequence, state)
    }

    /// One layer in one direction over `[time, batch, features]`.
    private func passed(
        _ x: Tensor, _ weights: RecurrentWeights, from initial: [Tensor]?, running: Tensor?, backwards: Bool
    ) -> (output: Tensor, state: [Tensor]) {
        let (time, batch) = (x.shape[0], x.shape[1])
        let projected = weights.projected(x, step)
        let (weight, bias) = weights.stepping(step, projected.dtype)
        let zeros = onNoDevice { Tensor.zeros([batch, hidden], dtype: projected.dtype) }
        let start = initial ?? Array(repeating: zeros, count: step.stateCount)
        let family = RecurrentSequence(step, backwards: backwards, hasBias: bias != nil, isMasked: running != nil)
        let operands =
            [projected.value, weight] + start.map { $0.value.cast(to: projected.dtype) }
            + [bias, running?.value].compactMap { $0 }
        let sequences = Value.makeAll(.composite(CompositeCall(family)), operands).prefix(step.stateCount).map {
            Tensor($0)
        }
        let last = sequences.map { $0.narrow(axis: 0, start: backwards ? 0 : time - 1, count: 1).squeeze(axis: 0) }
        guard let running else { return (sequences[0], last) }
        return (`where`(running, sequences[0], Tensor(sequences[0].value.constant(0))), last)
    }

    /// At which steps which examples have not ended yet, `[time, batch, 1]`.
    private func stillRunning(_ lengths: Tensor, _ time: Int, _ batch: Int) -> Tensor {
        guard lengths.shape.sizes == [batch], lengths.dtype.isInteger else {
            stop(
                "\(step.name): lengths are integers [\(batch)], one for each example, not \(lengths.dtype) \(lengths.shape)"
            )
        }
        IndexCheck.check(step.name, "length", lengths, below: time + 1, ignoring: nil)
        return Tensor(Value.iota([time, 1, 1], axis: 0)) .< lengths.to(dtype: .int64).reshape([1, batch, 1])
    }

    private func checked(_ state: [Tensor], _ batch: Int) -> [Tensor] {
        for tensor in state where tensor.shape.sizes != [layers * directions, batch, hidden] {
            stop("\(step.name): a state [\(layers * directions), \(batch), \(hidden)] is expected, not \(tensor.shape)")
        }
        return state
    }
}
