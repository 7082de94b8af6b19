import MartletTensor

/// Local response normalisation: each element by the squares of its neighbours in other channels.
///
///     y = x / (k + α/n · Σ x²)^β          over the n channels around each
///
/// ## Shapes
/// - `[batch, channels, spatial...]` → the same
///
/// Source: A. Krizhevsky et al., "ImageNet classification with deep convolutional neural networks" (2012), in the form of
/// torch.nn.LocalResponseNorm.
public final class LocalResponseNorm: Layer {
    /// n: channels in the sum, zeros beyond the first and last.
    public let size: Int
    /// α.
    public let alpha: Double
    /// β.
    public let beta: Double
    /// k.
    public let k: Double

    /// A layer without parameters.
    public init(_ size: Int, alpha: Double = 1e-4, beta: Double = 0.75, k: Double = 1) {
        guard size > 0 else { stop("LocalResponseNorm(\(size)): a positive number of channels is expected") }
        (self.size, self.alpha, self.beta, self.k) = (size, alpha, beta, k)
    }

    /// The normalised input. Stops where it has fewer than 3 axes.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        guard x.rank >= 3 else { stop("LocalResponseNorm: needs at least 3 axes, the shape is \(x.shape)") }
        return observed(x) { input in
            let x = Tensor(input.value.forStatistics)
            let channels = x.shape[1]
            // Channels as the height of an image, whose windows are n by 1.
            let squares = x.square().reshape([x.shape[0], 1, channels, x.shape.sizes.dropFirst(2).reduce(1, *)])
            let means = avgPool2d(squares, kernelSize: [size, 1], stride: [1, 1], padding: [size / 2, 0])
                .narrow(axis: 2, start: 0, count: channels).reshape(x.shape)
            return narrowed(x * (means * alpha + k).pow(-beta), as: input)
        }
    }
}
