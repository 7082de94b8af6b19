import MartletGraph

/// All steps of one recurrent layer in one direction: one node, whose plan has the loop.
///
/// ## Shapes
/// - operands: inputs W_ih·x + b `[time, batch, gates·hidden]`; W_hh `[gates·hidden, hidden]`; the tensors of the first state
///   `[batch, hidden]`; b_hh `[gates·hidden]` where there is one; a mask `[time, batch, 1]`, true where a step counts, where there is
///   one
/// - results: the tensors of the state after each step `[time, batch, hidden]`; the products W_hh·h of each step
///   `[time, batch, gates·hidden]`, which the derivative reads
struct RecurrentSequence: Composite {
    let step: Recurrence
    let backwards: Bool
    let hasBias: Bool
    let isMasked: Bool

    init(_ step: Recurrence, backwards: Bool, hasBias: Bool, isMasked: Bool) {
        (self.step, self.backwards, self.hasBias, self.isMasked) = (step, backwards, hasBias, isMasked)
    }

    var name: String { "recurrentSequence.\(step.rawValue)" }
    var residuals: Residuals { [.operands, .results] }
    var operandCount: Int { 2 + step.stateCount + (hasBias ? 1 : 0) + (isMasked ? 1 : 0) }

    func resultTypes(of operands: [TensorType]) throws(ShapeError) -> [TensorType] {
        let (inputs, weight) = (operands[0], operands[1])
        guard operands.count == operandCount, inputs.shape.rank == 3, weight.shape.rank == 2,
            inputs.shape[2] == weight.shape[0], weight.shape[0] == step.gates * weight.shape[1],
            operands[2..<(2 + step.stateCount)].allSatisfy({ $0.shape.sizes == [inputs.shape[1], weight.shape[1]] })
        else {
            throw ShapeError(
                name, "inputs [time, batch, \(step.gates)·hidden], a weight and states that fit them are expected",
                shapes: operands.map(\.shape))
        }
        let state = TensorType([inputs.shape[0], inputs.shape[1], weight.shape[1]], inputs.dtype)
        return Array(repeating: state, count: step.stateCount) + [inputs]
    }

    func body(_ operands: [Value]) -> [Value] {
        let parts = Operands(operands, of: self)
        let inputs = parts.inputs.steps
        var state = parts.first
        var states = Array(repeating: state, count: inputs.count)
        var products = inputs
        for index in order(inputs.count) {
            products[index] = state[0].matmul(parts.weight.transposed, bias: parts.bias)
            state = next(inputs[index], products[index], state, parts.mask?[index])
            states[index] = state
        }
        return (0..<step.stateCount).map { part in Value.sequence(states.map { $0[part] }) } + [
            Value.sequence(products)
        ]
    }

    /// The state after a step; the one before where the step does not count.
    func next(_ input: Value, _ product: Value, _ state: [Value], _ mask: Value?) -> [Value] {
        let next = step.step(input, product, state)
        guard let mask else { return next }
        return zip(next, state).map { Value.choose(mask, $0, $1) }
    }

    /// The steps in the order they are taken.
    func order(_ time: Int) -> [Int] { backwards ? (0..<time).reversed() : Array(0..<time) }

    func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?]? {
        let results = cotangents.indices.map { node.result($0) }
        let family = RecurrentSequenceGradient(sequence: self, arrives: cotangents.map { $0 != nil })
        let gradients = Value.makeAll(
            .composite(CompositeCall(family)), node.operands + results + cotangents.compactMap { $0 })
        return node.operands.indices.map { $0 < gradients.count && wanted[$0] ? gradients[$0] : nil }
    }

    func encode(into key: inout KeyWriter) {
        key.write(step.rawValue)
        key.write((backwards ? 1 : 0) + (hasBias ? 2 : 0) + (isMasked ? 4 : 0))
    }

    /// The operands by what they are.
    struct Operands {
        let inputs: Value
        let weight: Value
        let first: [Value]
        let bias: Value?
        /// A mask `[batch, 1]` a step.
        let mask: [Value]?

        init(_ operands: [Value], of sequence: RecurrentSequence) {
            let count = sequence.step.stateCount
            (inputs, weight, first) = (operands[0], operands[1], Array(operands[2..<(2 + count)]))
            bias = sequence.hasBias ? operands[2 + count] : nil
            mask = sequence.isMasked ? operands[sequence.operandCount - 1].steps : nil
        }
    }
}

/// The derivative of `RecurrentSequence`: back through time, where the gradients of the weights wait until all steps are done and
/// are then one product.
///
///     dpₜ = ∂step/∂p·dstateₜ,  dhₜ₋₁ = dpₜ·W + ∂step/∂h·dstateₜ          dW = Σ dpₜᵀ·hₜ₋₁, all steps in one product
///
/// ## Shapes
/// - operands: those of the sequence, its results, and the cotangents that arrive, like the results
/// - results: gradients of the inputs, the weight, the first state, and the bias where there is one
struct RecurrentSequenceGradient: Composite {
    let sequence: RecurrentSequence
    /// Which results a cotangent arrives at.
    let arrives: [Bool]

    var name: String { "\(sequence.name)Gradient" }
    var residuals: Residuals { .operands }

    func resultTypes(of operands: [TensorType]) throws(ShapeError) -> [TensorType] {
        Array(operands.prefix(sequence.operandCount - (sequence.isMasked ? 1 : 0)))
    }

    func body(_ operands: [Value]) -> [Value] {
        let (step, count) = (sequence.step, sequence.step.stateCount)
        let parts = RecurrentSequence.Operands(operands, of: sequence)
        let results = Array(operands[sequence.operandCount..<(sequence.operandCount + count + 1)])
        var rest = operands.dropFirst(sequence.operandCount + count + 1)
        let arrived = arrives.map { $0 ? rest.popFirst()?.steps : nil }
        let before = zip(results, parts.first).map { sequence.backwards ? $0.delayedBackwards($1) : $0.delayed($1) }
        let (inputs, products, states) = (parts.inputs.steps, results[count].steps, before.map(\.steps))
        var (inputGradients, productGradients) = (inputs, products)
        var carried = [Value?](repeating: nil, count: count)
        for index in sequence.order(inputs.count).reversed() {
            let outer = (0..<count).map { Value.sum(arrived[$0]?[index], carried[$0]) }
            let inner = gradients(
                inputs[index], products[index], states.map { $0[index] }, parts.mask?[index], outer)
            let product = Value.sum(inner[1], arrived[count]?[index]) ?? products[index].zeros()
            (inputGradients[index], productGradients[index]) = (inner[0] ?? inputs[index].zeros(), product)
            carried = Array(inner[2...])
            carried[0] = Value.sum(carried[0], product.matmul(parts.weight))
        }
        let productGradient = Value.sequence(productGradients)
        // Where sums alone are read, both gradients are one.
        let isOne = step.readsSums && arrived[count] == nil
        let inputGradient = isOne ? productGradient : Value.sequence(inputGradients)
        let rows = productGradient.asRows
        let weight = rows.transposed.matmul(before[0].asRows)
        return [inputGradient, weight] + zip(carried, parts.first).map { $0 ?? $1.zeros() }
            + (sequence.hasBias ? [rows.sum([0])] : [])
    }

    /// The gradients of a step by its input, its product and the state before.
    private func gradients(
        _ input: Value, _ product: Value, _ state: [Value], _ mask: Value?, _ outer: [Value?]
    ) -> [Value?] {
        let (leaves, next) = Modes.with(
            { $0.recordsHistory = true },
            {
                let leaves = ([input, product] + state).map { $0.differentiableAlias() }
                return (leaves, sequence.next(leaves[0], leaves[1], Array(leaves[2...]), mask))
            })
        return Differentiation.gradients(of: next, cotangents: outer, by: leaves)
    }

    /// The body's own derivative serves.
    func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?]? { nil }

    func encode(into key: inout KeyWriter) {
        sequence.encode(into: &key)
        key.write(arrives.map { $0 ? 1 : 0 })
    }
}

extension Value {
    /// The elements of axis 0, without that axis.
    fileprivate var steps: [Value] {
        let count = shape[0]
        if count == 1 { return [removingAxis(0)] }
        return parts(axis: 0, counts: Array(repeating: 1, count: count)).map { $0.removingAxis(0) }
    }

    /// Steps one after the other along a new axis 0.
    fileprivate static func sequence(_ steps: [Value]) -> Value {
        concatenated(steps.map { $0.insertingAxis(0) }, axis: 0)
    }

    /// `[time, batch, features]` as `[time·batch, features]`.
    fileprivate var asRows: Value { reshaped(known: [shape[0] * shape[1], shape[2]]) }

    /// What stood before each step: `first`, then all steps but the last.
    fileprivate func delayed(_ first: Value) -> Value {
        let all = Value.concatenated([first.insertingAxis(0), self], axis: 0)
        return all.sliced(axis: 0, start: 0, count: shape[0])
    }

    /// The same where steps are taken from the last to the first.
    fileprivate func delayedBackwards(_ first: Value) -> Value {
        let all = Value.concatenated([self, first.insertingAxis(0)], axis: 0)
        return all.sliced(axis: 0, start: 1, count: shape[0])
    }
}
