import CMartletKernels
import MartletGraph

extension PlanarImage {
    /// Normal noise added to each sample: torchvision's `gaussian_noise`.
    ///
    /// - Parameters:
    ///   - mean: in units of full brightness.
    ///   - sigma: the noise's deviation, in the same units.
    ///   - clip: whether results stay between black and white; bytes that do not wrap around.
    ///   - random: where the noise comes from.
    public func noised(
        mean: Double = 0, sigma: Double = 0.1, clip: Bool = true, using random: inout some RandomNumberGenerator
    ) -> PlanarImage {
        guard 0...1000 ~= sigma, -1000...1000 ~= mean else {
            stop("noised: sigma is from 0 to 1000 and mean within 1000, they are \(sigma) and \(mean)")
        }
        let seed = random.next()
        let normals: [Float] = Self.filled(planes * planeSize) { target in
            mk_image_normals(seed, Int64(planes * planeSize), target.assumingMemoryBound(to: Float.self))
            return true
        }
        let made: Samples
        switch samples {
        case .float32(let values):
            let (mean, sigma) = (Float(mean), Float(sigma))
            made = .float32(
                zip(values, normals).map { value, normal in
                    let noisy = value + (mean + normal * sigma)
                    return clip ? min(max(noisy, 0), 1) : noisy
                })
        case .uint8(let values):
            let (mean, sigma) = (Float(mean * 255), Float(sigma * 255))
            made = .uint8(
                zip(values, normals).map { value, normal in
                    let noisy = Int(value) + Int(mean + normal * sigma)
                    return clip ? UInt8(clamping: noisy) : UInt8(truncatingIfNeeded: noisy)
                })
        }
        return PlanarImage(batch: batch, channels: channels, height: height, width: width, samples: made)
    }
}
