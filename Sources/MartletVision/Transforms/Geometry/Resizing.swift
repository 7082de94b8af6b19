import CMartletKernels
import MartletGraph

/// The size that a picture is brought to.
public enum ResizeTarget: Sendable, Hashable {
    /// This height and width.
    case exact(ImageSize)
    /// The shorter side becomes so long, the other one in proportion, but none longer than `longest`.
    case shorterEdge(Int, longest: Int? = nil)
    /// The longer side becomes so long, the other one in proportion.
    case longerEdge(Int)

    /// The new size of a picture; sides in proportion are rounded down, to at least 1.
    public func size(of picture: ImageSize) -> ImageSize {
        let isTall = picture.width <= picture.height
        let (short, long) = isTall ? (picture.width, picture.height) : (picture.height, picture.width)
        var (newShort, newLong): (Int, Int)
        switch self {
        case .exact(let size): return size
        case .longerEdge(let edge): (newShort, newLong) = (Int(Double(edge * short) / Double(long)), edge)
        case .shorterEdge(let edge, let longest):
            (newShort, newLong) = (edge, Int(Double(edge * long) / Double(short)))
            if let longest, newLong > longest {
                (newShort, newLong) = (Int(Double(longest * newShort) / Double(newLong)), longest)
            }
        }
        newShort = max(1, newShort)
        return isTall ? ImageSize(height: newLong, width: newShort) : ImageSize(height: newShort, width: newLong)
    }
}

extension PlanarImage {
    /// The picture in another size: torchvision's `resize`. Bytes come out as Pillow's do where `antialias` is true.
    ///
    /// - Parameters:
    ///   - target: the size.
    ///   - interpolation: how values between samples are found.
    ///   - antialias: whether all samples that fall into a target's sample count, and not only the nearest few.
    public func resized(
        _ target: ResizeTarget, interpolation: Interpolation = .bilinear, antialias: Bool = true
    ) -> PlanarImage {
        resizedCrop(
            CropWindow(top: 0, left: 0, size: size), target, interpolation: interpolation, antialias: antialias)
    }

    /// The picture in this size.
    public func resized(
        _ size: ImageSize, interpolation: Interpolation = .bilinear, antialias: Bool = true
    ) -> PlanarImage {
        resized(.exact(size), interpolation: interpolation, antialias: antialias)
    }

    /// A part of the picture in another size: torchvision's `resized_crop`.
    public func resizedCrop(
        _ window: CropWindow, _ target: ResizeTarget, interpolation: Interpolation = .bilinear, antialias: Bool = true
    ) -> PlanarImage {
        let size = target.size(of: window.size)
        guard window.lies(in: self.size) else {
            return cropped(window).resized(size, interpolation: interpolation, antialias: antialias)
        }
        if size == window.size { return window.size == self.size ? self : cropped(window) }
        return made(height: size.height, width: size.width) { view, target in
            guard let data = view.data else { return false }
            var part = view
            part.data = data + (window.top * width + window.left) * sampleSize
            (part.height, part.width) = (Int64(window.size.height), Int64(window.size.width))
            return mk_image_resize(
                kernelType, part, Int64(size.height), Int64(size.width), interpolation.filter, antialias, target)
        }
    }
}

extension BoundingBoxes {
    func resized(to size: ImageSize) -> BoundingBoxes {
        guard size != canvas else { return self }
        let ratio = SIMD2(
            Float(Double(size.width) / Double(canvas.width)), Float(Double(size.height) / Double(canvas.height)))
        var result = self
        result.coordinates = coordinates.map { $0 * SIMD4(lowHalf: ratio, highHalf: ratio) }
        result.canvas = size
        return result
    }
}

extension KeyPoints {
    func resized(to size: ImageSize) -> KeyPoints {
        guard size != canvas else { return self }
        let ratio = SIMD2(
            Float(Double(size.width) / Double(canvas.width)), Float(Double(size.height) / Double(canvas.height)))
        return mapped(canvas: size) { $0 * ratio }
    }
}

extension AnnotatedImage {
    /// The picture in another size: torchvision's `resize`. Masks take the nearest sample.
    public func resized(
        _ target: ResizeTarget, interpolation: Interpolation = .bilinear, antialias: Bool = true
    ) -> AnnotatedImage {
        let size = target.size(of: image.size)
        return moved(
            image: { $0.resized(size, interpolation: interpolation, antialias: antialias) },
            masks: { $0.resized(size, interpolation: interpolation.ofMasks) },
            boxes: { $0.resized(to: size) }, keypoints: { $0.resized(to: size) })
    }

    /// A part of the picture in another size: torchvision's `resized_crop`.
    public func resizedCrop(
        _ window: CropWindow, _ target: ResizeTarget, interpolation: Interpolation = .bilinear, antialias: Bool = true
    ) -> AnnotatedImage {
        let size = target.size(of: window.size)
        return moved(
            image: { $0.resizedCrop(window, target, interpolation: interpolation, antialias: antialias) },
            masks: { $0.resizedCrop(window, target, interpolation: .nearest) },
            boxes: { $0.cropped(window).resized(to: size) }, keypoints: { $0.cropped(window).resized(to: size) })
    }
}

extension Interpolation {
    fileprivate var ofMasks: Interpolation { self == .nearestExact ? self : .nearest }
}
