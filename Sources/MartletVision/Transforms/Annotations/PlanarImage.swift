import CMartletKernels
import MartletGraph

/// A picture, or several of one size, as transforms work on it: planes of samples, one after another.
///
/// Its methods are torchvision's functionals (`torchvision.transforms.v2.functional`) for tensors; each says which one it
/// equals. What a recipe or a random number decides stands in the transforms that call them, such as ``RandomAffine``.
///
/// ## Shapes
/// Samples are `[channels, height, width]`, of a batch `[batch, channels, height, width]`.
public struct PlanarImage: Sendable, Equatable {
    /// The samples, by their type.
    public enum Samples: Sendable, Equatable {
        /// From 0 to 255.
        case uint8([UInt8])
        /// From 0 to 1, until they are normalised.
        case float32([Float])
    }

    /// How many pictures a batch has; nil for a single picture.
    public let batch: Int?
    /// 1 for grey, 3 for red, green and blue.
    public let channels: Int
    /// Rows.
    public let height: Int
    /// Samples in a row.
    public let width: Int
    /// The samples, plane by plane and row by row.
    public let samples: Samples

    /// A picture from its parts.
    ///
    /// - Precondition: no size is zero, and there are `batch · channels · height · width` samples.
    public init(batch: Int? = nil, channels: Int, height: Int, width: Int, samples: Samples) {
        let count =
            switch samples {
            case .uint8(let values): values.count
            case .float32(let values): values.count
            }
        guard channels > 0, height > 0, width > 0, (batch ?? 1) > 0,
            count == (batch ?? 1) * channels * height * width
        else {
            stop("PlanarImage: \(count) samples for \((batch.map { [$0] } ?? []) + [channels, height, width])")
        }
        (self.batch, self.channels, self.height, self.width) = (batch, channels, height, width)
        self.samples = samples
    }

    /// A picture of one value everywhere.
    public init(channels: Int, size: ImageSize, repeating value: UInt8) {
        let values = [UInt8](repeating: value, count: channels * size.height * size.width)
        self.init(channels: channels, height: size.height, width: size.width, samples: .uint8(values))
    }

    /// Height and width.
    public var size: ImageSize { ImageSize(height: height, width: width) }

    /// True where samples are floats.
    public var isFloat: Bool { if case .float32 = samples { true } else { false } }

    /// The value of full brightness: 1 for floats, 255 for bytes.
    public var bound: Double { isFloat ? 1 : 255 }

    /// The pictures of a batch, or the one that this is.
    var count: Int { batch ?? 1 }
    var planes: Int { count * channels }
    var planeSize: Int { height * width }
    /// The number that kernels know the samples' type by.
    var kernelType: Int32 { Int32((isFloat ? MK_FLOAT32 : MK_UINT8).rawValue) }
    var sampleSize: Int { isFloat ? 4 : 1 }
}

extension PlanarImage {
    func withUnsafeSamples<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        switch samples {
        case .uint8(let values): values.withUnsafeBytes(body)
        case .float32(let values): values.withUnsafeBytes(body)
        }
    }

    /// All samples where a kernel looks for them.
    func view(_ bytes: UnsafeRawBufferPointer) -> mk_image_view {
        mk_image_view(
            data: bytes.baseAddress, planes: Int64(planes), height: Int64(height), width: Int64(width),
            plane_stride: Int64(planeSize), row_stride: Int64(width))
    }

    /// A picture of the same type and another size, whose samples `kernel` writes; false from it means that memory was not to
    /// be had.
    func made(
        channels: Int? = nil, height: Int? = nil, width: Int? = nil,
        _ kernel: (mk_image_view, UnsafeMutableRawPointer) -> Bool
    ) -> PlanarImage {
        let (channels, height, width) = (channels ?? self.channels, height ?? self.height, width ?? self.width)
        guard height > 0, width > 0 else { stop("PlanarImage: a picture of \(height) rows of \(width) samples") }
        let total = count * channels * height * width
        let made = withUnsafeSamples { bytes in
            isFloat
                ? Samples.float32(Self.filled(total) { kernel(view(bytes), $0) })
                : Samples.uint8(Self.filled(total) { kernel(view(bytes), $0) })
        }
        return PlanarImage(batch: batch, channels: channels, height: height, width: width, samples: made)
    }

    /// A picture of the same type and size, made one picture of a batch after the other.
    func madeEach(
        channels: Int? = nil, _ kernel: (UnsafeRawPointer, UnsafeMutableRawPointer) -> Void
    ) -> PlanarImage {
        let (from, to) = (self.channels * planeSize * sampleSize, (channels ?? self.channels) * planeSize * sampleSize)
        return made(channels: channels) { view, target in
            guard let source = view.data else { return false }
            for index in 0..<count { kernel(source + index * from, target + index * to) }
            return true
        }
    }

    /// A picture of bytes made from this one's bytes by a table for each plane.
    func looked(up table: (UnsafeBufferPointer<UInt8>) -> [UInt8]) -> PlanarImage {
        made { view, target in
            guard let source = view.data?.assumingMemoryBound(to: UInt8.self) else { return false }
            for plane in 0..<planes {
                let own = source + plane * planeSize
                let table = table(UnsafeBufferPointer(start: own, count: planeSize))
                mk_image_lookup(
                    Int64(planeSize), own, table, target.assumingMemoryBound(to: UInt8.self) + plane * planeSize)
            }
            return true
        }
    }

    /// A picture of bytes made from this one's by one table.
    func looked(up table: [UInt8]) -> PlanarImage { looked { _ in table } }

    /// A picture of floats whose samples are this one's, changed by `change`.
    func mappedFloats(_ change: (Float) -> Float) -> PlanarImage {
        PlanarImage(
            batch: batch, channels: channels, height: height, width: width, samples: .float32(floats.map(change)))
    }

    static func filled<Scalar>(_ count: Int, _ fill: (UnsafeMutableRawPointer) -> Bool) -> [Scalar] {
        [Scalar](unsafeUninitializedCapacity: count) { buffer, initialized in
            guard let address = buffer.baseAddress, fill(UnsafeMutableRawPointer(address)) else {
                stop("PlanarImage: no memory for \(count) samples")
            }
            initialized = count
        }
    }

    /// Stops unless the picture has one channel or three.
    func requireColor(_ operation: String) {
        guard channels == 1 || channels == 3 else {
            stop("\(operation): 1 or 3 channels are wanted, the picture has \(channels)")
        }
    }
}
