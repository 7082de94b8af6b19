import MartletTensor

/// From the smallest number to the largest, into a range: y = (x − min) / (max − min) · (high − low) + low.
///
/// Numbers beyond those that were learnt from fall outside the range.
///
/// Source: the formulas and the treatment of constant features are those of scikit-learn's MinMaxScaler.
public struct MinMaxScaler: Scaler {
    /// The name in saved form.
    public static let kind = "minMax"
    /// Which numbers are scaled alike.
    public let per: ScalerGrouping
    /// Which part of a sample is learnt from and scaled.
    public let part: SamplePart
    /// What was learnt; nil before.
    public let fit: ScalerFit?
    private let low: Double
    private let high: Double

    /// What the smallest and the largest number become.
    public var range: ClosedRange<Double> { low <= high ? low...high : high...low }

    /// A scaler that has learnt nothing yet. Stops where the range is a single number or is not finite.
    public init(
        range: ClosedRange<Double> = 0...1, per: ScalerGrouping = .feature, of part: SamplePart = .inputs
    ) {
        guard range.lowerBound < range.upperBound, (range.upperBound - range.lowerBound).isFinite else {
            stop("MinMaxScaler: the range is \(range); it must have a finite length above 0")
        }
        self.init(range, per: per, part: part, fit: nil)
    }

    private init(_ range: ClosedRange<Double>, per: ScalerGrouping, part: SamplePart, fit: ScalerFit?) {
        (low, high) = (range.lowerBound, range.upperBound)
        (self.per, self.part, self.fit) = (per, part, fit)
    }

    /// The smallest number of each group; nil before `fitted(to:)`.
    public var dataMin: [Double]? { fit?.offset }

    /// The scaler with the smallest and largest numbers of `dataset`.
    public func learning(from dataset: some Dataset) throws -> Self {
        var extremes = Extremes()
        try NumberStream(dataset, part, per: per).forEachBlock { extremes.add($0) }
        let lengths = zip(extremes.low, extremes.high).map { nonzeroScale($1 - $0) / (high - low) }
        return MinMaxScaler(
            range, per: per, part: part,
            fit: ScalerFit(shape: extremes.shape, offset: extremes.low, scale: lengths, base: low))
    }
}

/// The largest magnitude to 1: y = x / max |x|. Zeros stay zeros.
///
/// Source: the formulas and the treatment of features that are 0 are those of scikit-learn's MaxAbsScaler.
public struct MaxAbsScaler: Scaler {
    /// The name in saved form.
    public static let kind = "maxAbs"
    /// Which numbers are scaled alike.
    public let per: ScalerGrouping
    /// Which part of a sample is learnt from and scaled.
    public let part: SamplePart
    /// What was learnt; nil before.
    public let fit: ScalerFit?

    /// A scaler that has learnt nothing yet.
    public init(per: ScalerGrouping = .feature, of part: SamplePart = .inputs) {
        self.init(per: per, part: part, fit: nil)
    }

    private init(per: ScalerGrouping, part: SamplePart, fit: ScalerFit?) {
        (self.per, self.part, self.fit) = (per, part, fit)
    }

    /// The largest magnitude of each group, 1 where it is 0; nil before `fitted(to:)`.
    public var maxAbs: [Double]? { fit?.scale }

    /// The scaler with the largest magnitudes of `dataset`.
    public func learning(from dataset: some Dataset) throws -> Self {
        var extremes = Extremes()
        try NumberStream(dataset, part, per: per).forEachBlock { extremes.add($0) }
        let magnitudes = zip(extremes.low, extremes.high).map { nonzeroScale(max(abs($0), abs($1))) }
        return MaxAbsScaler(
            per: per, part: part,
            fit: ScalerFit(shape: extremes.shape, offset: magnitudes.map { _ in 0 }, scale: magnitudes))
    }
}

/// The smallest and the largest of each group's numbers; 0 where there are none.
struct Extremes {
    private(set) var shape: Shape = []
    private var lowest: [Double] = []
    private var highest: [Double] = []

    var low: [Double] { lowest.map { $0.isFinite ? $0 : 0 } }
    var high: [Double] { highest.map { $0.isFinite ? $0 : 0 } }

    mutating func add(_ block: NumberBlock) {
        if lowest.isEmpty {
            shape = block.map.shape
            lowest = [Double](repeating: .infinity, count: shape.elementCount)
            highest = [Double](repeating: -.infinity, count: shape.elementCount)
        }
        lowest.withUnsafeMutableBufferPointer { lowest in
            highest.withUnsafeMutableBufferPointer { highest in
                block.visit { number, group in
                    lowest[group] = min(lowest[group], number)
                    highest[group] = max(highest[group], number)
                }
            }
        }
    }
}
