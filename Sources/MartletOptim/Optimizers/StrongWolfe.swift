import MartletTensor

/// A step length at which the strong Wolfe conditions hold: first an interval that has one, then the interval made smaller.
///
/// Source: J. Nocedal and S. Wright, "Numerical optimization" (2006), algorithms 3.5 and 3.6, in the form of
/// torch.optim.LBFGS.
struct StrongWolfe {
    /// A step length with the loss, gradient and slope along the direction that were found there.
    struct Point {
        var step: Double
        var loss: Double
        var gradient: Tensor
        var slope: Double
    }

    /// The length of the interval, times the direction's largest element, below which the search ends.
    let tolerance: Double
    /// The most losses asked for after the first.
    let mostCalls: Int
    private static let (sufficient, curvature) = (1e-4, 0.9)

    /// The search from a point of such loss, gradient and slope, along a direction whose largest element is `reach`.
    ///
    /// - Parameters:
    ///   - start: the loss, the gradient and its slope at step length 0.
    ///   - firstStep: the length tried first.
    ///   - reach: the direction's largest element.
    ///   - evaluate: the loss, the gradient and its slope at a step length.
    func run(
        from start: (loss: Double, gradient: Tensor, slope: Double), firstStep: Double, reach: Double,
        evaluate: (Double) throws -> (loss: Double, gradient: Tensor, slope: Double)
    ) rethrows -> (loss: Double, gradient: Tensor, step: Double, calls: Int) {
        let origin = Point(step: 0, loss: start.loss, gradient: start.gradient, slope: start.slope)
        var (calls, rounds) = (0, 0)
        func point(_ step: Double) throws -> Point {
            let found = try evaluate(step)
            calls += 1
            return Point(step: step, loss: found.loss, gradient: found.gradient, slope: found.slope)
        }
        var bracket = try findBracket(origin, firstStep, &rounds, point)
        if bracket.count == 2 { try shrink(&bracket, origin, reach, &rounds, point) }
        let best = bracket[bracket[0].loss <= bracket[bracket.count - 1].loss ? 0 : bracket.count - 1]
        return (best.loss, best.gradient, best.step, calls)
    }

    /// One point that is good already, or two between which there is one.
    private func findBracket(
        _ origin: Point, _ firstStep: Double, _ rounds: inout Int, _ point: (Double) throws -> Point
    ) rethrows -> [Point] {
        var (last, now) = (origin, try point(firstStep))
        while rounds < mostCalls {
            let isTooHigh = now.loss > origin.loss + Self.sufficient * now.step * origin.slope
            if isTooHigh || (rounds > 1 && now.loss >= last.loss) { return [last, now] }
            if now.slope.magnitude <= -Self.curvature * origin.slope { return [now] }
            if now.slope >= 0 { return [last, now] }
            let bounds = (now.step + 0.01 * (now.step - last.step), now.step * 10)
            let next = Self.cubicMinimum(last, now, within: bounds)
            last = now
            now = try point(next)
            rounds += 1
        }
        return [origin, now]
    }

    private func shrink(
        _ bracket: inout [Point], _ origin: Point, _ reach: Double, _ rounds: inout Int,
        _ point: (Double) throws -> Point
    ) rethrows {
        var isStuck = false
        var (low, high) = bracket[0].loss <= bracket[1].loss ? (0, 1) : (1, 0)
        while rounds < mostCalls {
            let (least, most) = (
                min(bracket[0].step, bracket[1].step), max(bracket[0].step, bracket[1].step)
            )
            if (most - least) * reach < tolerance { return }
            var step = Self.cubicMinimum(bracket[0], bracket[1], within: (least, most))
            // Near an end for the second time, or at it: a tenth of the interval away from it.
            let margin = 0.1 * (most - least)
            if min(most - step, step - least) < margin {
                if isStuck || step >= most || step <= least {
                    step = (step - most).magnitude < (step - least).magnitude ? most - margin : least + margin
                    isStuck = false
                } else {
                    isStuck = true
                }
            } else {
                isStuck = false
            }
            let now = try point(step)
            rounds += 1
            if now.loss > origin.loss + Self.sufficient * step * origin.slope || now.loss >= bracket[low].loss {
                bracket[high] = now
                (low, high) = bracket[0].loss <= bracket[1].loss ? (0, 1) : (1, 0)
                continue
            }
            let isGood = now.slope.magnitude <= -Self.curvature * origin.slope
            if !isGood, now.slope * (bracket[high].step - bracket[low].step) >= 0 { bracket[high] = bracket[low] }
            bracket[low] = now
            if isGood { return }
        }
    }

    /// Where the cubic through two points with their slopes is least, kept within bounds; their middle where it has no
    /// least.
    private static func cubicMinimum(_ a: Point, _ b: Point, within bounds: (low: Double, high: Double)) -> Double {
        let d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.step - b.step)
        let square = d1 * d1 - a.slope * b.slope
        guard square >= 0 else { return (bounds.low + bounds.high) / 2 }
        let d2 = square.squareRoot()
        let place =
            a.step <= b.step
            ? b.step - (b.step - a.step) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
            : a.step - (a.step - b.step) * ((a.slope + d2 - d1) / (a.slope - b.slope + 2 * d2))
        return min(max(place, bounds.low), bounds.high)
    }
}
