import CMartletKernels
import MartletGraph

extension PlanarImage {
    /// The picture in grey: 0.2989 R + 0.587 G + 0.114 B, torchvision's `rgb_to_grayscale`.
    ///
    /// - Parameter channels: 1, or 3 equal ones.
    public func grayscale(channels wanted: Int = 1) -> PlanarImage {
        requireColor("grayscale")
        guard wanted == 1 || wanted == 3 else { stop("grayscale: 1 or 3 channels, not \(wanted)") }
        let gray =
            channels == 1
            ? self : madeEach(channels: 1) { mk_image_luma(kernelType, Int64(planeSize), $0, $1) }
        guard wanted == 3 else { return gray }
        let size = planeSize * sampleSize
        return gray.madeEach(channels: 3) { source, target in
            for channel in 0..<3 { (target + channel * size).copyMemory(from: source, byteCount: size) }
        }
    }

    /// Red, green and blue: a grey picture's channel three times, torchvision's `grayscale_to_rgb`.
    public func rgb() -> PlanarImage { channels >= 3 ? self : grayscale(channels: 3) }

    /// The channels in another order: channel `order[c]` becomes channel c, torchvision's `permute_channels`.
    public func permutedChannels(_ order: [Int]) -> PlanarImage {
        guard order.sorted() == Array(0..<channels) else { stop("permutedChannels: \(order) of \(channels) channels") }
        let size = planeSize * sampleSize
        return madeEach { source, target in
            for (channel, from) in order.enumerated() {
                (target + channel * size).copyMemory(from: source + from * size, byteCount: size)
            }
        }
    }
}
