/// How the bytes of an image become numbers: (byte / 255 − mean) / deviation.
///
/// Standardised inputs, of mean 0 and variance 1 over the training set, are the data sets' default: a first layer then sees
/// both signs in equal measure, its gradient is not one large common direction, and the same network reaches more in the
/// same epochs (LeCun, Bottou, Orr, Müller 1998, "Efficient BackProp", section 4.3).
public struct PixelScaling: Sendable, Hashable {
    /// What is taken off, in units of full brightness.
    public let mean: Double
    /// What the difference is divided by, in the same units.
    public let deviation: Double

    /// Takes off `mean` and divides by `deviation`, which must be positive.
    public init(mean: Double, deviation: Double) {
        precondition(deviation > 0, "PixelScaling: the deviation must be positive, it is \(deviation)")
        (self.mean, self.deviation) = (mean, deviation)
    }

    /// Pixels in [0, 1], as they are in a picture.
    public static let unit = PixelScaling(mean: 0, deviation: 1)
    /// Mean and deviation of MNIST's 60,000 training images.
    public static let mnist = PixelScaling(mean: 0.130_660_476, deviation: 0.308_107_804)
    /// Mean and deviation of Fashion-MNIST's 60,000 training images.
    public static let fashionMNIST = PixelScaling(mean: 0.286_040_597, deviation: 0.353_024_245)
    /// Mean and deviation of the 60,000 training images that ``Digits`` draws from seed 0.
    public static let digits = PixelScaling(mean: 0.113682, deviation: 0.259019)

    /// Pixels in [0, 1] as a network wants them.
    public func callAsFunction(_ pixel: Float) -> Float { (pixel - Float(mean)) / Float(deviation) }
}
