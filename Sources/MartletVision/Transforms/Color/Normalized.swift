import CMartletKernels
import MartletGraph

extension PlanarImage {
    /// (x - mean) / deviation for each channel: torchvision's `normalize`.
    ///
    /// - Precondition: samples are floats; there is one number for all channels, or one for each.
    public func normalized(mean: [Double], std: [Double]) -> PlanarImage {
        guard isFloat, [1, channels].contains(mean.count), [1, channels].contains(std.count), !std.contains(0) else {
            stop(
                "normalized: \(mean.count) means and \(std.count) deviations, none of them 0, for \(channels) channels of \(isFloat ? "floats" : "bytes"), where floats are wanted"
            )
        }
        return made { view, target in
            guard let source = view.data?.assumingMemoryBound(to: Float.self) else { return false }
            let target = target.assumingMemoryBound(to: Float.self)
            for plane in 0..<planes {
                let channel = plane % channels
                mk_image_normalize(
                    Int64(planeSize), source + plane * planeSize, Float(mean[mean.count == 1 ? 0 : channel]),
                    Float(std[std.count == 1 ? 0 : channel]), target + plane * planeSize)
            }
            return true
        }
    }
}
