import MartletGraph
import MartletTensor

/// What becomes of the losses of a batch: their mean, their sum, or with `none` all of them as they are.
public enum Reduction: Sendable { case mean, sum, none }

/// The cross entropy of logits and class labels, through log-sum-exp: finite and right for logits of any size.
///
///     lossᵢ = ln Σⱼ e^xᵢⱼ - Σⱼ tᵢⱼ·xᵢⱼ,  t = (1 - smoothing)·one-hot + smoothing / classes
///
/// With `weights` a class' examples count by its weight, and the mean is the weighted one. Examples labelled `ignoreIndex`
/// do not count.
///
/// ## Shapes
/// - logits `[batch, classes]` with integer labels `[batch]`, or `[batch, classes, spatial...]` with `[batch, spatial...]`; or
///   labels as probabilities of the logits' shape
/// - result `[]`, or the labels' shape where `reduction` is `.none`
///
/// Computed in float32 at least: in a narrower type smoothed labels do not add up to 1, and their gradient drifts.
///
/// A label outside `0..<classes` stops where it can be seen, and gives NaN where it is itself computed.
public func crossEntropy(
    _ logits: Tensor, _ labels: Tensor, weights: Tensor? = nil, labelSmoothing: Double = 0, ignoreIndex: Int? = nil,
    reduction: Reduction = .mean
) -> Tensor {
    guard logits.rank >= 2, logits.elementCount > 0 else {
        stop("crossEntropy: logits of shape \(logits.shape): a batch that is not empty, by classes, is expected")
    }
    if labels.dtype.isFloatingPoint { return probabilityEntropy(logits, labels, weights, labelSmoothing, reduction) }
    guard labels.shape.sizes == [logits.shape[0]] + logits.shape.sizes.dropFirst(2) else {
        stop("crossEntropy: labels of shape \(labels.shape) do not fit logits of shape \(logits.shape)")
    }
    IndexCheck.check("crossEntropy", "label", labels, below: logits.shape[1], ignoring: ignoreIndex)
    let rows = logits.rank == 2 ? logits.value : logits.movingAxis(1, to: -1).reshape([-1, logits.shape[1]]).value
    var flat = labels.value.cast(to: .int64).reshaped(known: [labels.elementCount])
    guard weights != nil || ignoreIndex != nil else {
        let family = SoftmaxCrossEntropy(labelSmoothing: labelSmoothing, averages: reduction == .mean)
        let wide = Value.make(.composite(CompositeCall(family)), [rows.forStatistics, flat])
        let losses = Tensor(wide.cast(to: rows.lossType))
        switch reduction {
        case .mean: return losses
        case .sum: return losses.sum()
        case .none: return losses.reshape(labels.shape)
        }
    }
    var factor = Value.filled(1, TensorType(flat.shape, rows.forStatistics.dtype))
    // Not the same as examples of a class without weight.
    let ignored = ignoreIndex.map { flat .== flat.constant(Double($0)) }
    if let ignored {
        factor = Value.choose(ignored, factor.constant(0), factor)
        flat = Value.choose(ignored, flat.constant(0), flat)
    }
    var classWeights: Value?
    if let weights {
        classWeights = weights.value.cast(to: factor.dtype)
        factor = factor * weights.value.cast(to: factor.dtype).select(flat, axis: 0)
    }
    let losses = weighted(rows.forStatistics, flat, factor, ignored, classWeights, labelSmoothing)
    switch reduction {
    case .mean: return Tensor(weightedMean(losses, factor).cast(to: rows.lossType))
    case .sum: return Tensor(losses.sum().cast(to: rows.lossType))
    case .none: return Tensor(losses.reshaped(known: labels.shape).cast(to: rows.lossType))
    }
}

/// Σ losses / Σ factors; where nothing counts, NaN without a gradient.
func weightedMean(_ losses: Value, _ factors: Value) -> Value {
    let total = factors.sum()
    let isEmpty = total .== total.constant(0)
    let mean = losses.sum() / Value.choose(isEmpty, total.constant(1), total)
    return mean + Value.choose(isEmpty, total.constant(.nan), total.constant(0))
}

/// Losses with class weights: the smoothed part is weighted class by class, as PyTorch does.
private func weighted(
    _ rows: Value, _ labels: Value, _ factor: Value, _ ignored: Value?, _ classWeights: Value?, _ smoothing: Double
) -> Value {
    // Passed over by choice, not by a factor: logits that are ignored may be infinite, and 0 · ∞ is no number.
    func counted(_ losses: Value) -> Value {
        ignored.map { Value.choose($0, losses.constant(0), losses) } ?? losses
    }
    let family = SoftmaxCrossEntropy(labelSmoothing: 0, averages: false)
    let hard = counted(Value.make(.composite(CompositeCall(family)), [rows, labels])) * factor
    guard smoothing > 0 else { return hard }
    let negative = -rows.logSoftmax([1])
    let share = classWeights.map { negative * $0 } ?? negative
    let smooth = counted(share.sum([1]))
    return hard * (1 - smoothing) + smooth * (smoothing / Double(rows.shape[1]))
}

private func probabilityEntropy(
    _ logits: Tensor, _ targets: Tensor, _ weights: Tensor?, _ smoothing: Double, _ reduction: Reduction
) -> Tensor {
    guard targets.shape == logits.shape else {
        stop("crossEntropy: probabilities of shape \(targets.shape) do not fit logits of shape \(logits.shape)")
    }
    let smoothed = smoothing == 0 ? targets : targets * (1 - smoothing) + smoothing / Double(logits.shape[1])
    var terms = -(Tensor(logits.value.forStatistics).logSoftmax(axis: 1) * smoothed)
    if let weights { terms = terms * Tensor(weights.value.asChannels(rank: logits.rank)) }
    let losses = terms.sum(axis: 1)
    let dtype = logits.value.lossType
    switch reduction {
    case .mean: return (losses.sum() / Double(losses.elementCount)).to(dtype: dtype)
    case .sum: return losses.sum().to(dtype: dtype)
    case .none: return losses.to(dtype: dtype)
    }
}
