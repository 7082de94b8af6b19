import MartletTensor

/// Median 0 and one for the distance between quartiles: y = (x − median) / (q₇₅ − q₂₅). A few wild numbers change neither.
///
/// Quantiles are exact. Where all numbers fit into `memoryLimit` they are kept and sorted: one reading of the data. Where they do
/// not, each quantile is found by selection in eight readings, eight bits of the number in each, in memory that does not grow with
/// the data.
///
/// Between two numbers a quantile is interpolated linearly.
///
/// Source: the formulas and the treatment of constant features are those of scikit-learn's RobustScaler.
public struct RobustScaler: Scaler {
    /// The name in saved form.
    public static let kind = "robust"
    /// Which numbers are scaled alike.
    public let per: ScalerGrouping
    /// Which part of a sample is learnt from and scaled.
    public let part: SamplePart
    /// What was learnt; nil before.
    public let fit: ScalerFit?
    /// How many numbers, of eight bytes each, may be kept while quantiles are found.
    public let memoryLimit: Int
    private let low: Double
    private let high: Double

    /// A scaler that has learnt nothing yet.
    ///
    /// - Parameters:
    ///   - quantiles: the part of the numbers that lies below each end of the scale; the quartiles are 0.25 and 0.75.
    ///   - per: which numbers are scaled alike.
    ///   - part: which part of a sample is learnt from and scaled.
    ///   - memoryLimit: how many numbers may be kept while quantiles are found; 512 MiB of them by default.
    public init(
        quantiles: ClosedRange<Double> = 0.25...0.75, per: ScalerGrouping = .feature, of part: SamplePart = .inputs,
        memoryLimit: Int = 1 << 26
    ) {
        guard quantiles.lowerBound >= 0, quantiles.upperBound <= 1, quantiles.lowerBound < quantiles.upperBound else {
            stop("RobustScaler: quantiles must be two different numbers of 0...1, they are \(quantiles)")
        }
        (low, high) = (quantiles.lowerBound, quantiles.upperBound)
        (self.per, self.part, self.memoryLimit) = (per, part, memoryLimit)
        fit = nil
    }

    private init(_ other: RobustScaler, fit: ScalerFit) {
        (low, high) = (other.low, other.high)
        (per, part, memoryLimit) = (other.per, other.part, other.memoryLimit)
        self.fit = fit
    }

    /// The median of each group; nil before `fitted(to:)`.
    public var median: [Double]? { fit?.offset }
    /// The distance between the two quantiles of each group, 1 where it is 0; nil before `fitted(to:)`.
    public var spread: [Double]? { fit?.scale }

    /// The scaler with the medians and quantiles of `dataset`.
    public func learning(from dataset: some Dataset) throws -> Self {
        let stream = NumberStream(dataset, part, per: per)
        let fractions = [low, 0.5, high]
        let found =
            try SortedQuantiles(stream, fractions, limit: memoryLimit)?.result
            ?? SelectedQuantiles(stream, fractions).result
        return RobustScaler(
            self,
            fit: ScalerFit(
                shape: found.shape, offset: found.quantiles.map { $0[1] },
                scale: found.quantiles.map { nonzeroScale($0[2] - $0[0]) }))
    }
}
