/// The cross entropy of a batch of logits and class labels.
///
///     lossᵢ = ln Σⱼ e^xᵢⱼ - Σⱼ tᵢⱼ·xᵢⱼ,  t = (1 - smoothing)·one-hot + smoothing / classes
///
/// A label outside the classes gives NaN.
///
/// ## Shapes
/// - operands: logits `[batch, classes]`, int64 labels `[batch]`
/// - result: `[batch]`, or the mean `[]`
package struct SoftmaxCrossEntropy: Composite {
    package let labelSmoothing: Double
    package let averages: Bool

    package init(labelSmoothing: Double, averages: Bool) {
        self.labelSmoothing = labelSmoothing
        self.averages = averages
    }

    package var name: String { "softmaxCrossEntropy" }
    package var residuals: Residuals { .operands }

    package func resultTypes(of operands: [TensorType]) throws(ShapeError) -> [TensorType] {
        let (logits, labels) = (operands[0], operands[1])
        guard logits.shape.rank == 2, labels.shape.sizes == [logits.shape[0]], labels.dtype == .int64 else {
            throw ShapeError(
                name, "logits [batch, classes] and int64 labels [batch] are expected", shapes: operands.map(\.shape))
        }
        return [TensorType(averages ? [] : [logits.shape[0]], logits.dtype)]
    }

    package func body(_ operands: [Value]) -> [Value] {
        let (likelihoods, target) = (operands[0].logSoftmax([1]), target(operands))
        // A share of 0 must not meet an infinite logit.
        let terms = Value.choose(target .== target.constant(0), target.constant(0), target * likelihoods)
        let losses = -terms.sum([1])
        return [averages ? losses.mean() : losses]
    }

    /// The smoothed one-hot rows; NaN where a label is no class.
    func target(_ operands: [Value]) -> Value {
        let (logits, labels) = (operands[0], operands[1])
        let classes = logits.shape[1]
        let position = Value.iota(logits.shape, axis: 1)
        let column = labels.insertingAxis(1)
        let low = logits.constant(labelSmoothing / Double(classes))
        let high = logits.constant(1 - labelSmoothing + labelSmoothing / Double(classes))
        let rows = Value.choose(position .== column.expanded(toKnown: logits.shape), high, low)
        let isClass = Value.binary(
            .logicalAnd, column .>= column.constant(0), column .< column.constant(Double(classes)))
        return Value.choose(isClass, rows, logits.constant(.nan))
    }

    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?]? {
        guard let cotangent = cotangents[0], wanted[0] else { return [nil, nil] }
        let gradient = SoftmaxCrossEntropyGradient(labelSmoothing: labelSmoothing, averages: averages)
        return [Value.make(.composite(CompositeCall(gradient)), [node.operands[0], node.operands[1], cotangent]), nil]
    }

    package func encode(into key: inout KeyWriter) {
        key.write(labelSmoothing.bitPattern)
        key.write(averages)
    }
}

/// The derivative of `SoftmaxCrossEntropy` by its logits: (softmax(x) - t) · cotangent (/ batch).
///
/// ## Shapes
/// - operands: logits `[batch, classes]`, int64 labels `[batch]`, cotangent `[batch]` or `[]`
/// - result: `[batch, classes]`
package struct SoftmaxCrossEntropyGradient: Composite {
    package let labelSmoothing: Double
    package let averages: Bool

    /// What it is the derivative of.
    package var loss: SoftmaxCrossEntropy { SoftmaxCrossEntropy(labelSmoothing: labelSmoothing, averages: averages) }

    package var name: String { "softmaxCrossEntropyGradient" }
    package var residuals: Residuals { .operands }

    package func resultTypes(of operands: [TensorType]) throws(ShapeError) -> [TensorType] { [operands[0]] }

    package func body(_ operands: [Value]) -> [Value] {
        let logits = operands[0]
        let probabilities = logits.logSoftmax([1]).applying(.exp)
        let rows = averages ? operands[2] / Double(logits.shape[0]) : operands[2].insertingAxis(1)
        return [(probabilities - loss.target(operands)) * rows]
    }

    /// The body's own derivative serves.
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?]? { nil }

    package func encode(into key: inout KeyWriter) {
        key.write(labelSmoothing.bitPattern)
        key.write(averages)
    }
}
