import CMartletKernels
import MartletData
import MartletGraph
import MartletTensor

extension PlanarImage {
    /// The samples of a tensor `[channels, height, width]` or `[batch, channels, height, width]` of bytes or float32.
    ///
    /// - Throws: `DataError` for another type or rank, or where a size is zero.
    public init(_ tensor: Tensor) throws {
        let sizes = tensor.shape.sizes
        guard sizes.count == 3 || sizes.count == 4, sizes.allSatisfy({ $0 > 0 }) else {
            throw DataError(
                dataset: "PlanarImage", field: "inputs",
                expected: "[channels, height, width] or [batch, channels, height, width]", found: "\(tensor.shape)")
        }
        let samples: Samples
        switch tensor.dtype {
        case .uint8: samples = .uint8(try tensor.withUnsafeBytes { Array($0.bindMemory(to: UInt8.self)) })
        case .float32: samples = .float32(try tensor.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) })
        default:
            throw DataError(
                dataset: "PlanarImage", field: "inputs", expected: "uint8 or float32", found: "\(tensor.dtype)")
        }
        let last = sizes.suffix(3)
        self.init(
            batch: sizes.count == 4 ? sizes[0] : nil, channels: last[last.startIndex],
            height: last[last.startIndex + 1], width: last[last.startIndex + 2], samples: samples)
    }

    /// The samples as a tensor of their own type.
    public var tensor: Tensor {
        let shape = Shape((batch.map { [$0] } ?? []) + [channels, height, width])
        return withUnsafeSamples { bytes in
            Tensor(copying: bytes, type: TensorType(shape, isFloat ? .float32 : .uint8))
        }
    }

    /// A decoded picture, its channels apart.
    public init(_ image: Image) {
        let count = image.width * image.height
        let planes: [UInt8] = Self.filled(count * image.channels) { target in
            mk_image_split(
                Int64(count), Int64(image.channels), image.pixels, target.assumingMemoryBound(to: UInt8.self))
            return true
        }
        self.init(channels: image.channels, height: image.height, width: image.width, samples: .uint8(planes))
    }

    /// Bytes as floats from 0 to 1, or floats as bytes; unchanged where they have the type already.
    ///
    /// torchvision's `to_dtype(scale=True)`: a float x becomes the byte floor(255.999 x), so that each byte stands for an equal
    /// part of [0, 1].
    public func converted(toFloat: Bool) -> PlanarImage {
        guard toFloat != isFloat else { return self }
        let total = planes * planeSize
        let made = withUnsafeSamples { bytes -> Samples in
            toFloat
                ? .float32(
                    Self.filled(total) { target in
                        mk_image_to_float(
                            Int64(total), bytes.baseAddress?.assumingMemoryBound(to: UInt8.self),
                            target.assumingMemoryBound(to: Float.self))
                        return true
                    })
                : .uint8(
                    Self.filled(total) { target in
                        mk_image_to_byte(
                            Int64(total), bytes.baseAddress?.assumingMemoryBound(to: Float.self),
                            target.assumingMemoryBound(to: UInt8.self))
                        return true
                    })
        }
        return PlanarImage(batch: batch, channels: channels, height: height, width: width, samples: made)
    }

    /// One picture of a batch, or the picture itself for index 0.
    public subscript(picture index: Int) -> PlanarImage {
        guard (0..<count).contains(index) else { stop("PlanarImage: picture \(index) of \(count)") }
        let part = index * channels * planeSize..<(index + 1) * channels * planeSize
        let own: Samples =
            switch samples {
            case .uint8(let values): .uint8(Array(values[part]))
            case .float32(let values): .float32(Array(values[part]))
            }
        return PlanarImage(channels: channels, height: height, width: width, samples: own)
    }

    /// Pictures of one size and type as a batch.
    ///
    /// - Precondition: they are single pictures, at least one, and alike.
    public init(batch pictures: [PlanarImage]) {
        guard let first = pictures.first,
            pictures.allSatisfy({
                $0.batch == nil && $0.size == first.size && $0.channels == first.channels && $0.isFloat == first.isFloat
            })
        else { stop("PlanarImage: a batch is made of single pictures of one size and type") }
        let joined: Samples =
            first.isFloat ? .float32(pictures.flatMap(\.floats)) : .uint8(pictures.flatMap(\.bytes))
        self.init(
            batch: pictures.count, channels: first.channels, height: first.height, width: first.width, samples: joined)
    }
}

extension UInt8 {
    /// A float rounded towards 0 and cut off at 0 and 255; a NaN becomes 0.
    init(cutting value: Float) { self = value >= 255 ? 255 : value > 0 ? UInt8(value) : 0 }
}

extension PlanarImage {
    /// The samples where they are bytes; else none.
    var bytes: [UInt8] { if case .uint8(let values) = samples { values } else { [] } }
    /// The samples where they are floats; else none.
    var floats: [Float] { if case .float32(let values) = samples { values } else { [] } }
}

extension Image {
    /// A single picture of 1 to 4 channels with its channels side by side; floats become bytes.
    public init(_ planar: PlanarImage) {
        guard planar.batch == nil, planar.channels <= 4 else {
            stop("Image: a single picture of 1 to 4 channels is wanted, this has \(planar.count) of \(planar.channels)")
        }
        let (bytes, count) = (planar.converted(toFloat: false), planar.planeSize)
        let pixels: [UInt8] = bytes.withUnsafeSamples { source in
            PlanarImage.filled(count * planar.channels) { target in
                mk_image_join(
                    Int64(count), Int64(planar.channels), source.baseAddress?.assumingMemoryBound(to: UInt8.self),
                    target.assumingMemoryBound(to: UInt8.self))
                return true
            }
        }
        self.init(width: planar.width, height: planar.height, channels: planar.channels, pixels: pixels)
    }
}
