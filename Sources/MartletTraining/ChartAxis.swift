import Foundation

/// An axis with ticks at round numbers.
package struct ChartAxis: Equatable {
    package let low: Double
    package let high: Double
    package let ticks: [Double]
    package let isLogarithmic: Bool

    /// An axis over equal steps of 1, 2 or 5 times a power of ten, with about `count` ticks, that covers `low...high`.
    package static func linear(
        _ low: Double, _ high: Double, count: Int = 5, atMost limit: Double = .infinity
    ) -> ChartAxis {
        let span = high > low ? high - low : max(abs(high) * 0.1, 1e-6)
        let step = roundStep(span / Double(count))
        let first = (low / step + 1e-9).rounded(.down)
        let last = (min(limit, high > low ? high : low + span) / step - 1e-9).rounded(.up)
        let ticks = stride(from: first, through: last, by: 1).map { $0 * step }
        return ChartAxis(low: ticks[0], high: ticks[ticks.count - 1], ticks: ticks, isLogarithmic: false)
    }

    /// An axis whose ticks are 1, 2 and 5 times powers of ten; only the powers where that would be too many.
    package static func logarithmic(_ low: Double, _ high: Double) -> ChartAxis {
        let decades = Int(log10(low).rounded(.down))...Int(log10(high).rounded(.up))
        let factors: [Double] = log10(high / low) > 2.5 ? [1] : [1, 2, 5]
        let all = decades.flatMap { decade in factors.map { $0 * pow(10, Double(decade)) } }
        let below = all.last { $0 <= low * (1 + 1e-9) } ?? low
        let above = all.first { $0 >= high * (1 - 1e-9) } ?? high
        return ChartAxis(
            low: below, high: above, ticks: all.filter { $0 >= below && $0 <= above }, isLogarithmic: true)
    }

    /// Whole numbers from `low` to `high`, both shown.
    package static func whole(_ low: Int, _ high: Int, count: Int = 6) -> ChartAxis {
        guard high > low else {
            return ChartAxis(low: Double(low) - 1, high: Double(low) + 1, ticks: [Double(low)], isLogarithmic: false)
        }
        let step = max(1, Int(roundStep(Double(high - low) / Double(count))))
        var ticks = [low] + stride(from: (low / step + 1) * step, to: high, by: step)
        // A tick too close to an end would write its number over the end's.
        ticks.removeAll { $0 != low && ((high - $0) * 2 <= step || ($0 - low) * 2 <= step) }
        return ChartAxis(
            low: Double(low), high: Double(high), ticks: (ticks + [high]).map(Double.init), isLogarithmic: false)
    }

    /// Where a value lies, 0 at the low end and 1 at the high one.
    package func position(_ value: Double) -> Double {
        isLogarithmic ? log(value / low) / log(high / low) : (value - low) / (high - low)
    }

    /// Whether a value can be drawn: beyond this an axis' own numbers would no longer be finite.
    package static func canShow(_ value: Double) -> Bool { value.magnitude < 1e300 }

    private static func roundStep(_ raw: Double) -> Double {
        let power = pow(10, log10(raw).rounded(.down))
        let factor = [1, 2, 5].first { raw <= $0 * power * (1 + 1e-9) } ?? 10
        return factor * power
    }
}
