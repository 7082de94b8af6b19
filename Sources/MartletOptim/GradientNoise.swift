import MartletNN
import MartletTensor

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Normal noise on every gradient, less with each step.
///
///     g ← g + σₜ·n,  n of the normal distribution,  σₜ² = η / (1 + t)^γ
///
/// The numbers are the current generator's: two runs of one seed have the same noise.
///
/// Source: A. Neelakantan et al., "Adding gradient noise improves learning for very deep networks" (2015), equation 1.
public struct GradientNoise: Sendable, Codable, Hashable {
    /// η: the variance of step 0.
    public var variance: Double
    /// γ: the power with which it falls.
    public var power: Double

    /// Noise of such a variance; the paper takes 0.01, 0.3 or 1.
    public init(variance: Double = 0.01, power: Double = 0.55) { (self.variance, self.power) = (variance, power) }

    /// σₜ: the standard deviation in step `step`, counted from 0.
    public func deviation(_ step: Int) -> Double { (variance / pow(1 + Double(step), power)).squareRoot() }

    /// Adds the noise of step `step`, counted from 0, to every gradient that is there.
    public func add(to parameters: [Parameter], step: Int) {
        Self.add(to: parameters, deviation: onNoDevice { Tensor(deviation(step)) })
    }

    /// Adds noise of such a standard deviation, a number of no axes, to every gradient that is there.
    public static func add(to parameters: [Parameter], deviation: Tensor) {
        withoutGradient {
            for parameter in parameters {
                guard let gradient = parameter.gradient else { continue }
                let noise = Tensor.randn(gradient.shape, dtype: gradient.dtype)
                parameter.gradient = gradient + deviation.to(dtype: gradient.dtype) * noise
            }
        }
    }
}
