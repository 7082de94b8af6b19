import CMartletKernels
import Foundation
import MartletGraph

extension PlanarImage {
    /// The picture convolved with a Gauss function; its border is mirrored: torchvision's `gaussian_blur`.
    ///
    /// - Parameters:
    ///   - kernelSize: how many samples count, down and across: odd, and less than twice the picture's side.
    ///   - sigma: the function's deviation in samples, across and down.
    public func blurred(kernelSize: ImageSize, sigma: SIMD2<Double>) -> PlanarImage {
        guard kernelSize.height % 2 == 1, kernelSize.width % 2 == 1, sigma.min() > 0 else {
            stop("blurred: a kernel of \(kernelSize) and sigma \(sigma); odd sizes and sigma above 0 are wanted")
        }
        // Further than its own size a picture has no mirror image.
        let across = Self.gaussian(min(kernelSize.width, 2 * width - 1), sigma.x)
        let down = Self.gaussian(min(kernelSize.height, 2 * height - 1), sigma.y)
        return made { view, target in
            mk_image_blur(
                kernelType, view, across, Int64(across.count), down, Int64(down.count), target)
        }
    }

    /// Weights exp(-x² / 2σ²) for x = -(count - 1) / 2 ..., of sum 1.
    private static func gaussian(_ count: Int, _ sigma: Double) -> [Float] {
        let middle = Double(count - 1) / 2
        let heights = (0..<count).map { index in
            let x = (Double(index) - middle) / sigma
            return exp(-x * x / 2)
        }
        let total = heights.reduce(0, +)
        return heights.map { Float($0 / total) }
    }

    /// The picture's edges weaker (0), as they are (1) or stronger (above 1): torchvision's `adjust_sharpness`.
    ///
    /// x + (1 - factor) (b - x), where b is the mean of nine samples with weight 5 in the middle. The border stays, and so does a
    /// picture of fewer than 3 rows or columns.
    public func adjustedSharpness(by factor: Double) -> PlanarImage {
        requireColor("adjustedSharpness")
        guard factor >= 0 else { stop("adjustedSharpness: the factor is at least 0, it is \(factor)") }
        guard height > 2, width > 2 else { return self }
        return made { view, target in
            mk_image_sharpen(kernelType, view, factor, target)
            return true
        }
    }
}
