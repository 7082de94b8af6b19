import CMartletKernels
import MartletGraph

extension PlanarImage {
    /// The negative: torchvision's `invert`.
    public func inverted() -> PlanarImage {
        isFloat ? mappedFloats { 1 - $0 } : looked(up: (0...255).map { 255 - $0 })
    }

    /// So many bits of each sample: torchvision's `posterize`.
    ///
    /// - Parameter bits: from 0 to 8.
    public func posterized(bits: Int) -> PlanarImage {
        guard 0...8 ~= bits else { stop("posterized: from 0 to 8 bits, not \(bits)") }
        guard isFloat else { return looked(up: (0...255).map { UInt8($0 & (0xFF00 >> bits) & 0xFF) }) }
        let levels = Float(1 << bits)
        return mappedFloats { min(max(($0 * levels).rounded(.down), 0), levels - 1) * (1 / levels) }
    }

    /// The negative of what is as bright as `threshold` or brighter: torchvision's `solarize`.
    public func solarized(threshold: Double) -> PlanarImage {
        guard threshold <= bound else { stop("solarized: a threshold of \(threshold) above \(bound)") }
        let threshold = Float(threshold)
        guard isFloat else { return looked(up: (0...255).map { Float($0) >= threshold ? 255 - $0 : $0 }) }
        return mappedFloats { $0 >= threshold ? 1 - $0 : $0 }
    }

    /// Each channel stretched from its darkest to its brightest sample: torchvision's `autocontrast`.
    public func autocontrasted() -> PlanarImage {
        requireColor("autocontrasted")
        guard isFloat else {
            return looked { plane in
                let (low, high) = Self.extremes(plane)
                guard low < high else { return Array(0...255) }
                let scale = Float(high - low) * Float(1.0 / 255)
                return (0...255).map { UInt8(cutting: Float($0 - low) / scale) }
            }
        }
        return PlanarImage(
            batch: batch, channels: channels, height: height, width: width,
            samples: .float32(
                (0..<planes).flatMap { plane -> [Float] in
                    let own = floats[plane * planeSize..<(plane + 1) * planeSize]
                    let (low, high) = (own.min() ?? 0, own.max() ?? 0)
                    guard low < high else { return own.map { min(max($0, 0), 1) } }
                    return own.map { min(max(($0 - low) / (high - low), 0), 1) }
                }))
    }

    /// Each channel's brightnesses spread so that about as many samples have each: torchvision's `equalize`, which is Pillow's.
    public func equalized() -> PlanarImage {
        guard !isFloat else { return converted(toFloat: false).equalized().converted(toFloat: true) }
        return looked { plane in
            let counts = Self.histogram(plane)
            let brightest = counts.last { $0 > 0 } ?? 0
            let step = (plane.count - brightest) / 255
            guard step > 0 else { return Array(0...255) }
            var below = 0
            return counts.map { count in
                defer { below += count }
                return UInt8(min(255, (below + step / 2) / step))
            }
        }
    }

    private static func extremes(_ plane: UnsafeBufferPointer<UInt8>) -> (low: Int, high: Int) {
        let counts = histogram(plane)
        return (counts.firstIndex { $0 > 0 } ?? 0, counts.lastIndex { $0 > 0 } ?? 0)
    }

    private static func histogram(_ plane: UnsafeBufferPointer<UInt8>) -> [Int] {
        var counts = [Int64](repeating: 0, count: 256)
        mk_image_histogram(Int64(plane.count), plane.baseAddress, &counts)
        return counts.map { Int($0) }
    }
}
