import MartletGraph

extension PlanarImage {
    /// A rectangle of the picture replaced: torchvision's `erase`.
    ///
    /// - Parameters:
    ///   - window: the rectangle, inside the picture.
    ///   - values: what stands there: one value, one a channel, or one a sample, channel by channel. In the picture's own
    ///     units; for bytes rounded towards 0 and cut off at 0 and 255.
    public func erased(_ window: CropWindow, values: [Float]) -> PlanarImage {
        let area = window.size.height * window.size.width
        guard window.lies(in: size), [1, channels, channels * area].contains(values.count) else {
            stop("erased: \(values.count) values for \(window) of a picture of \(channels) channels of \(size)")
        }
        func value(_ channel: Int, _ place: Int) -> Float {
            values.count == 1 ? values[0] : values.count == channels ? values[channel] : values[channel * area + place]
        }
        func fill<Scalar>(_ samples: inout [Scalar], _ store: (Float) -> Scalar) {
            for plane in 0..<planes {
                for row in 0..<window.size.height {
                    let start = plane * planeSize + (window.top + row) * width + window.left
                    for column in 0..<window.size.width {
                        samples[start + column] = store(value(plane % channels, row * window.size.width + column))
                    }
                }
            }
        }
        let changed: Samples
        switch samples {
        case .float32(var values):
            fill(&values) { $0 }
            changed = .float32(values)
        case .uint8(var values):
            fill(&values) { UInt8(cutting: $0) }
            changed = .uint8(values)
        }
        return PlanarImage(batch: batch, channels: channels, height: height, width: width, samples: changed)
    }
}
