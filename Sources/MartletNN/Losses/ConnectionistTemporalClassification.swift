import MartletGraph
import MartletTensor

/// Connectionist temporal classification: the negative log-likelihood of a sequence of labels, however it is spread over time.
///
/// A path has a label or a blank at each step; it stands for the labels that remain where repetitions are merged and blanks left
/// out. The loss is -ln Σ of the likelihoods of all paths that stand for the target, by the recurrence over the target with a
/// blank around each label:
///
///     αₜ(s) = ln(e^αₜ₋₁(s) + e^αₜ₋₁(s-1) + e^αₜ₋₁(s-2)) + xₜ(label s)          the last one unless s is blank or repeats s - 2
///
/// `.mean` divides each loss by its target's length (at least 1) and takes the mean over the batch, as PyTorch does.
///
/// - Parameters:
///   - logProbabilities: `[time, batch, classes]`, as `logSoftmax` gives them.
///   - targets: integers `[batch, longest]`, no blank among them; what stands behind an example's length is not read.
///   - inputLengths: the steps of each example, `[batch]`, from 1 to time.
///   - targetLengths: the labels of each example, `[batch]`, from 0 to longest.
///   - blank: the class that stands for no label.
///   - zeroInfinity: whether the infinite loss of a target that its input is too short for counts as 0.
///   - reduction: what becomes of the losses.
///
/// Source: A. Graves et al., "Connectionist temporal classification" (2006).
public func ctcLoss(
    _ logProbabilities: Tensor, _ targets: Tensor, inputLengths: Tensor, targetLengths: Tensor, blank: Int = 0,
    zeroInfinity: Bool = false, reduction: Reduction = .mean
) -> Tensor {
    checkShapes(logProbabilities, targets, inputLengths, targetLengths, blank)
    // No narrower than float32: -1e30 stands for a likelihood of 0.
    let x = Tensor(logProbabilities.value.forStatistics)
    let lengths = targetLengths.to(dtype: .int64)
    let paths = LabelPaths(read(targets.to(dtype: .int64), lengths, blank), blank: blank)
    let last = paths.forward(x, inputLengths: inputLengths.to(dtype: .int64))
    var losses = -paths.total(last, lengths)
    let isImpossible = losses .> -LabelPaths.impossible / 2
    losses = `where`(isImpossible, Tensor(losses.value.constant(zeroInfinity ? 0 : .infinity)), losses)
    guard reduction == .mean else { return reduced(losses, reduction) }
    return (losses / lengths.to(dtype: x.dtype).clipped(low: 1)).mean()
}

/// The targets with the blank behind each one's end, where anything may stand: padding with -1 is usual.
private func read(_ targets: Tensor, _ lengths: Tensor, _ blank: Int) -> Tensor {
    let places = Tensor(Value.iota([1, targets.shape[1]], axis: 1))
    return `where`(places .< lengths.unsqueeze(axis: 1), targets, Tensor(targets.value.constant(Double(blank))))
}

/// The targets with a blank around each label, `[batch, 2·longest + 1]`, and the recurrence over them.
private struct LabelPaths {
    /// The logarithm of a likelihood of 0: finite, so that differences of two are no NaN.
    static let impossible = -1e30

    private let labels: Tensor
    /// Where a path may come from two places back.
    private let maySkip: Tensor
    private var count: Int { labels.shape[1] }

    init(_ targets: Tensor, blank: Int) {
        let (batch, longest) = (targets.shape[0], targets.shape[1])
        let blanks = Tensor(targets.value.constant(Double(blank)))
        let pairs = stacked([blanks.expand(targets.shape), targets], axis: 2).reshape([batch, 2 * longest])
        labels = concatenated([pairs, blanks.expand([batch, 1])], axis: 1)
        let before = concatenated([blanks.expand([batch, 2]), labels], axis: 1)
        let twoBack = before.narrow(axis: 1, start: 0, count: 2 * longest + 1)
        maySkip = (labels .!= twoBack)
    }

    /// α after each example's last step, `[batch, count]`.
    func forward(_ x: Tensor, inputLengths: Tensor) -> Tensor {
        let time = x.shape[0]
        let emitted = x.gather(axis: 2, indices: labels.unsqueeze(axis: 0).expand(Shape([time] + labels.shape.sizes)))
        let steps = emitted.parts(Array(repeating: 1, count: time), axis: 0).map { $0.squeeze(axis: 0) }
        let never = Tensor(x.value.constant(LabelPaths.impossible))
        let start = Tensor(Value.iota([1, count], axis: 1)) .< 2
        var alpha = `where`(start, steps[0], never)
        let column = inputLengths.unsqueeze(axis: 1)
        for step in 1..<max(1, time) {
            let skipped = `where`(maySkip, shifted(alpha, by: 2, never), never)
            let next = logSum([alpha, shifted(alpha, by: 1, never), skipped]) + steps[step]
            alpha = `where`(column .> step, next, alpha)
        }
        return alpha
    }

    /// ln of the likelihood of all paths that end with the last label or the blank behind it, `[batch]`.
    func total(_ alpha: Tensor, _ lengths: Tensor) -> Tensor {
        let end = (lengths * 2).unsqueeze(axis: 1)
        let never = Tensor(alpha.value.constant(LabelPaths.impossible))
        let label = alpha.gather(axis: 1, indices: (end - 1).clipped(low: 0))
        return logSum([alpha.gather(axis: 1, indices: end), `where`(end .> 0, label, never)]).squeeze(axis: 1)
    }

    private func shifted(_ alpha: Tensor, by places: Int, _ filling: Tensor) -> Tensor {
        let front = filling.expand([alpha.shape[0], places])
        return concatenated([front, alpha], axis: 1).narrow(axis: 1, start: 0, count: count)
    }

    /// ln Σ e^a, element by element.
    private func logSum(_ terms: [Tensor]) -> Tensor {
        let largest = terms.dropFirst().reduce(terms[0].detached()) { maximum($0, $1.detached()) }
        let powers = terms.map { ($0 - largest).exp() }
        return powers.dropFirst().reduce(powers[0]) { $0 + $1 }.log() + largest
    }
}

private func checkShapes(
    _ x: Tensor, _ targets: Tensor, _ inputLengths: Tensor, _ targetLengths: Tensor, _ blank: Int
) {
    guard x.rank == 3, x.elementCount > 0, (0..<x.shape[2]).contains(blank) else {
        stop(
            "ctcLoss: log-probabilities [time, batch, classes] and a blank among the classes are expected, not \(x.shape) and \(blank)"
        )
    }
    let batch = x.shape[1]
    guard targets.rank == 2, targets.shape[0] == batch, inputLengths.shape.sizes == [batch],
        targetLengths.shape.sizes == [batch], [targets, inputLengths, targetLengths].allSatisfy({ $0.dtype.isInteger })
    else {
        stop(
            "ctcLoss: integer targets [\(batch), longest] and lengths [\(batch)] are expected, not \(targets.shape), "
                + "\(inputLengths.shape) and \(targetLengths.shape)")
    }
    IndexCheck.check("ctcLoss", "input length", inputLengths, below: x.shape[0] + 1, ignoring: nil)
    IndexCheck.check("ctcLoss", "target length", targetLengths, below: targets.shape[1] + 1, ignoring: nil)
    IndexCheck.check("ctcLoss", "label", targets, lengths: targetLengths, below: x.shape[2])
}
