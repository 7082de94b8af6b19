import CMartletKernels
import MartletGraph

/// Where each sample of a distorted picture comes from, as a displacement from its own place.
public struct DisplacementField: Sendable, Equatable {
    /// The picture's size.
    public let size: ImageSize
    /// x and y of each sample, row by row, in halves of the picture's width and height.
    public let values: [Float]

    /// A field of two numbers for each sample.
    public init(size: ImageSize, values: [Float]) {
        guard values.count == 2 * size.height * size.width else {
            stop("DisplacementField: \(values.count) numbers for \(size), twice as many as samples are wanted")
        }
        (self.size, self.values) = (size, values)
    }

    /// A random field: uniform noise smoothed by a Gauss function and scaled (Simard, Steinkraus, Platt 2003, "Best practices for
    /// convolutional neural networks applied to visual document analysis").
    ///
    /// - Parameters:
    ///   - size: the picture's size.
    ///   - alpha: the noise's height in samples, for x and y.
    ///   - sigma: the Gauss function's deviation in samples, across and down; 0 smooths nothing.
    ///   - random: where the noise comes from.
    public init(
        size: ImageSize, alpha: SIMD2<Double>, sigma: SIMD2<Double>, using random: inout some RandomNumberGenerator
    ) {
        let count = size.height * size.width
        var values = [Float](repeating: 0, count: 2 * count)
        for axis in 0..<2 {
            let noise: [Float] = PlanarImage.filled(count) { target in
                mk_image_uniforms(random.next(), Int64(count), target.assumingMemoryBound(to: Float.self))
                return true
            }
            var field = PlanarImage(channels: 1, height: size.height, width: size.width, samples: .float32(noise))
            if sigma[axis] > 0 {
                let kernel = Int(8 * sigma[axis] + 1) | 1
                field = field.blurred(kernelSize: ImageSize(kernel), sigma: sigma)
            }
            let smooth = field.floats
            let scale = Float(alpha[axis]) / Float(axis == 0 ? size.width : size.height)
            for index in 0..<count { values[2 * index + axis] = smooth[index] * scale }
        }
        self.init(size: size, values: values)
    }

    /// About where what is at a sample goes: the sample's place less its displacement.
    func destination(_ point: SIMD2<Float>) -> SIMD2<Float> {
        func index(_ place: Float, of count: Int) -> Int {
            place >= Float(count - 1) ? count - 1 : place > 0 ? Int(place) : 0
        }
        let (x, y) = (index(point.x, of: size.width), index(point.y, of: size.height))
        let half = SIMD2(Float(size.width) / 2, Float(size.height) / 2)
        let place = SIMD2(
            Float(2 * x + 1 - size.width) / Float(size.width), Float(2 * y + 1 - size.height) / Float(size.height))
        let index = 2 * (y * size.width + x)
        return (place - SIMD2(values[index], values[index + 1]) + 1) * half - 0.5
    }
}

extension PlanarImage {
    /// The picture distorted: torchvision's `elastic`.
    public func warped(
        by field: DisplacementField, interpolation: Interpolation = .bilinear, fill: Fill = .none
    ) -> PlanarImage {
        guard field.size == size else { stop("warped: a field of \(field.size) for a picture of \(size)") }
        return warped(.field(field.values), size, interpolation, fill)
    }
}

extension AnnotatedImage {
    /// The picture distorted: torchvision's `elastic`. Boxes and keypoints go where the displacement at their place says, which
    /// is about right where the field is smooth.
    public func warped(
        by field: DisplacementField, interpolation: Interpolation = .bilinear, fill: Fill = .none
    ) -> AnnotatedImage {
        moved(
            image: { $0.warped(by: field, interpolation: interpolation, fill: fill) },
            masks: { $0.warped(by: field, interpolation: .nearest, fill: fill.ofMasks) },
            boxes: { boxes in
                boxes.enclosing { field.destination($0.rounded(.up)) }
            },
            keypoints: { $0.mapped(field.destination) })
    }
}
