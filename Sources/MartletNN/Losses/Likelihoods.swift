import MartletGraph
import MartletTensor

// Negative logarithms of likelihoods, and divergences.

/// -xᵧ·wᵧ at the label y of each row of log-probabilities.
///
/// With `weights` a class' examples count by its weight, and the mean is the weighted one. Examples labelled `ignoreIndex` do not
/// count.
///
/// ## Shapes
/// - log-probabilities `[batch, classes]` with integer labels `[batch]`, or `[batch, classes, spatial...]` with `[batch, spatial...]`
/// - result `[]`, or the labels' shape where `reduction` is `.none`
public func negativeLogLikelihood(
    _ logProbabilities: Tensor, _ labels: Tensor, weights: Tensor? = nil, ignoreIndex: Int? = nil,
    reduction: Reduction = .mean
) -> Tensor {
    let shape = logProbabilities.shape
    guard shape.rank >= 2, labels.shape.sizes == [shape[0]] + shape.sizes.dropFirst(2), labels.elementCount > 0 else {
        stop(
            "negativeLogLikelihood: shapes \(shape) and \(labels.shape); [batch, classes, ...] and [batch, ...] are expected"
        )
    }
    IndexCheck.check("negativeLogLikelihood", "label", labels, below: shape[1], ignoring: ignoreIndex)
    let x = full(logProbabilities)
    var index = labels.to(dtype: .int64)
    var factor = onNoDevice { Tensor.ones(labels.shape, dtype: x.dtype) }
    let counts = ignoreIndex.map { index .!= $0 }
    if let counts {
        factor = counts.to(dtype: x.dtype)
        index = `where`(counts, index, Tensor.zeros(like: index))
    }
    if let weights { factor = factor * weights.to(dtype: x.dtype).take(index) }
    var picked = x.gather(axis: 1, indices: index.unsqueeze(axis: 1)).squeeze(axis: 1)
    // Passed over by choice, not by a factor: 0 · -∞ is no number.
    if let counts { picked = `where`(counts, picked, Tensor.zeros(like: picked)) }
    let losses = -picked * factor
    guard reduction == .mean else { return reduced(losses, reduction) }
    if weights == nil, ignoreIndex == nil { return losses.mean() }
    return Tensor(weightedMean(losses.value, factor.value))
}

/// The Kullback-Leibler divergence of targets from log-probabilities: t·(ln t - x), 0 where t is 0.
///
/// With `targetsAreLogarithms` the targets are ln t. `.mean` divides by the batch, as the definition wants ("batchmean" in PyTorch).
public func klDivergence(
    _ logProbabilities: Tensor, _ targets: Tensor, targetsAreLogarithms: Bool = false, reduction: Reduction = .mean
) -> Tensor {
    checked("klDivergence", logProbabilities, targets)
    let x = full(logProbabilities)
    let terms =
        targetsAreLogarithms
        ? targets.exp() * (targets - x)
        : `where`(targets .> 0, targets * (targets.log() - x), Tensor.zeros(like: targets))
    switch reduction {
    case .mean: return terms.sum() / Double(targets.shape.first ?? 1)
    case .sum: return terms.sum()
    case .none: return terms
    }
}

/// The negative log-likelihood of counts that follow Poisson's distribution, without what the prediction does not change.
///
///     e^x - t·x          or where x is the rate itself          x - t·ln(x + ε)
///
/// - Parameters:
///   - prediction: the logarithm of the rate, or the rate where not `isLogarithm`.
///   - targets: counts, not negative.
///   - isLogarithm: whether `prediction` is the rate's logarithm.
///   - addsStirling: whether t·ln t - t + ½·ln(2π·t), Stirling's formula for ln t!, is added where t > 1.
///   - epsilon: ε, which keeps the logarithm of a rate finite.
///   - reduction: what becomes of the losses.
public func poissonNegativeLogLikelihood(
    _ prediction: Tensor, _ targets: Tensor, isLogarithm: Bool = true, addsStirling: Bool = false,
    epsilon: Double = 1e-8, reduction: Reduction = .mean
) -> Tensor {
    checked("poissonNegativeLogLikelihood", prediction, targets)
    let x = full(prediction)
    let t = targets.to(dtype: x.dtype)
    var losses = isLogarithm ? x.exp() - t * x : x - t * (x + epsilon).log()
    if addsStirling {
        let large = `where`(t .> 1, t, Tensor.ones(like: t))
        let stirling = large * large.log() - large + 0.5 * (large * (2 * Double.pi)).log()
        losses = losses + `where`(t .> 1, stirling, Tensor.zeros(like: t))
    }
    return reduced(losses, reduction)
}

/// The negative log-likelihood of numbers that follow normal distributions of predicted means and variances.
///
///     ½·(ln max(variance, ε) + (x - t)² / max(variance, ε))          with `addsConstant` + ½·ln 2π
///
/// The derivative is taken by the larger of the two as if it were the variance, so that one below ε finds its way back.
///
/// ## Shapes
/// - means and targets of one shape; variances of a shape that broadcasts to it
public func gaussianNegativeLogLikelihood(
    _ means: Tensor, _ targets: Tensor, variances: Tensor, addsConstant: Bool = false, epsilon: Double = 1e-6,
    reduction: Reduction = .mean
) -> Tensor {
    checked("gaussianNegativeLogLikelihood", means, targets)
    let given = full(variances)
    let variance = `where`(given .>= epsilon, given, epsilon + (given - given.detached()))
    let losses = 0.5 * (variance.log() + (full(means) - full(targets)).square() / variance)
    return reduced(addsConstant ? losses + 0.5 * 1.8378770664093454836 : losses, reduction)
}
