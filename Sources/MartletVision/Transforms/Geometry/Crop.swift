import CMartletKernels
import MartletGraph

/// A rectangle of a picture, in samples from its upper left corner.
public struct CropWindow: Sendable, Hashable {
    /// The first row.
    public var top: Int
    /// The first column.
    public var left: Int
    /// The rectangle's size.
    public var size: ImageSize

    /// A rectangle.
    public init(top: Int, left: Int, size: ImageSize) { (self.top, self.left, self.size) = (top, left, size) }

    /// A rectangle of `size` in the middle of a picture.
    init(centered size: ImageSize, in whole: ImageSize) {
        let top = (Double(whole.height - size.height) / 2).rounded(.toNearestOrEven)
        let left = (Double(whole.width - size.width) / 2).rounded(.toNearestOrEven)
        self.init(top: Int(top), left: Int(left), size: size)
    }

    var bottom: Int { top + size.height }
    var right: Int { left + size.width }

    /// True where a picture of that size has all of it.
    func lies(in whole: ImageSize) -> Bool { top >= 0 && left >= 0 && bottom <= whole.height && right <= whole.width }
}

extension PlanarImage {
    /// A part of the picture; 0 where it reaches outside: torchvision's `crop`.
    public func cropped(_ window: CropWindow) -> PlanarImage {
        guard window.lies(in: size) else {
            return padded(
                ImagePadding(
                    left: -window.left, top: -window.top, right: window.right - width, bottom: window.bottom - height))
        }
        let rowSize = window.size.width * sampleSize
        return made(height: window.size.height, width: window.size.width) { view, target in
            guard let source = view.data else { return false }
            for plane in 0..<planes {
                for row in 0..<window.size.height {
                    let from = plane * planeSize + (window.top + row) * width + window.left
                    (target + (plane * window.size.height + row) * rowSize).copyMemory(
                        from: source + from * sampleSize, byteCount: rowSize)
                }
            }
            return true
        }
    }

    /// A part of that size from the middle, with 0 around a smaller picture: torchvision's `center_crop`.
    public func centerCropped(_ size: ImageSize) -> PlanarImage {
        let (across, down) = (max(0, size.width - width), max(0, size.height - height))
        guard across > 0 || down > 0 else { return cropped(CropWindow(centered: size, in: self.size)) }
        let wide = padded(
            ImagePadding(left: across / 2, top: down / 2, right: (across + 1) / 2, bottom: (down + 1) / 2))
        return wide.cropped(CropWindow(centered: size, in: wide.size))
    }

    /// The corners upper left, upper right, lower left and lower right, and the middle: torchvision's `five_crop`.
    ///
    /// - Precondition: the picture is at least of that size.
    public func fiveCrops(_ size: ImageSize) -> [PlanarImage] {
        let (down, across) = (height - size.height, width - size.width)
        guard down >= 0, across >= 0 else { stop("fiveCrops: parts of \(size) of a picture of \(self.size)") }
        let corners = [(0, 0), (0, across), (down, 0), (down, across)]
        return corners.map { cropped(CropWindow(top: $0.0, left: $0.1, size: size)) } + [centerCropped(size)]
    }

    /// Five parts of the picture and five of its mirror image: torchvision's `ten_crop`.
    public func tenCrops(_ size: ImageSize, verticalFlip: Bool = false) -> [PlanarImage] {
        fiveCrops(size) + (verticalFlip ? flippedVertically() : flippedHorizontally()).fiveCrops(size)
    }
}

extension BoundingBoxes {
    func cropped(_ window: CropWindow) -> BoundingBoxes {
        let corner = SIMD2(Float(window.left), Float(window.top))
        var moved = mappedCorners { $0 - SIMD4(lowHalf: corner, highHalf: corner) }
        moved.canvas = window.size
        return moved.clamped()
    }
}

extension KeyPoints {
    func cropped(_ window: CropWindow) -> KeyPoints {
        mapped(canvas: window.size) { $0 - SIMD2(Float(window.left), Float(window.top)) }
    }
}

extension AnnotatedImage {
    /// A part of the picture; 0 where it reaches outside: torchvision's `crop`.
    public func cropped(_ window: CropWindow) -> AnnotatedImage {
        moved(
            image: { $0.cropped(window) }, boxes: { $0.cropped(window) }, keypoints: { $0.cropped(window) })
    }

    /// A part of that size from the middle, with 0 around a smaller picture: torchvision's `center_crop`.
    public func centerCropped(_ size: ImageSize) -> AnnotatedImage {
        let window = CropWindow(centered: size, in: image.size)
        return moved(
            image: { $0.centerCropped(size) }, boxes: { $0.cropped(window) }, keypoints: { $0.cropped(window) })
    }
}
