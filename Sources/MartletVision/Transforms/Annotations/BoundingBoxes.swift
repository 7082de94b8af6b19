import MartletGraph

/// Upright boxes around the things that a picture shows, with their classes where they are known.
public struct BoundingBoxes: Sendable, Equatable {
    /// What the four numbers of a box are.
    public enum Format: String, Sendable, Codable, CaseIterable {
        /// Left, top, right, bottom.
        case xyxy
        /// Left, top, width, height.
        case xywh
        /// The centre, width, height.
        case cxcywh
    }

    /// What the numbers are.
    public private(set) var format: Format
    /// The picture's size.
    public var canvas: ImageSize
    /// The boxes, in pixels from the picture's upper left corner.
    public var coordinates: [SIMD4<Float>]
    /// The boxes' classes; nil where boxes have none.
    public var labels: [Int]?

    /// Boxes from their parts.
    ///
    /// - Precondition: there are as many labels as boxes, or none.
    public init(_ coordinates: [SIMD4<Float>], format: Format = .xyxy, canvas: ImageSize, labels: [Int]? = nil) {
        guard labels == nil || labels?.count == coordinates.count else {
            stop("BoundingBoxes: \(labels?.count ?? 0) labels for \(coordinates.count) boxes")
        }
        (self.format, self.canvas, self.coordinates, self.labels) = (format, canvas, coordinates, labels)
    }

    /// The same boxes in another format: torchvision's `convert_bounding_box_format`.
    public func converted(to format: Format) -> BoundingBoxes {
        guard format != self.format else { return self }
        var result = self
        result.format = format
        result.coordinates = coordinates.map { Self.written(Self.corners($0, self.format), format) }
        return result
    }

    /// The boxes' part inside the picture: torchvision's `clamp_bounding_boxes`.
    public func clamped() -> BoundingBoxes {
        let most = SIMD4(Float(canvas.width), Float(canvas.height), Float(canvas.width), Float(canvas.height))
        return mappedCorners { $0.clamped(lowerBound: SIMD4(repeating: 0), upperBound: most) }
    }

    /// Which boxes have at least `minSize` on each side and `minArea`, and lie in the picture: torchvision's
    /// `sanitize_bounding_boxes`.
    public func sound(minSize: Double = 1, minArea: Double = 1) -> [Bool] {
        coordinates.map { box in
            let box = Self.corners(box, format)
            let (width, height) = (box.z - box.x, box.w - box.y)
            return Double(width) >= minSize && Double(height) >= minSize && Double(width * height) >= minArea
                && box.min() >= 0 && max(box.x, box.z) <= Float(canvas.width)
                && max(box.y, box.w) <= Float(canvas.height)
        }
    }

    /// The boxes, with their labels, for which `isKept` has true.
    func kept(_ isKept: [Bool]) -> BoundingBoxes {
        var result = self
        result.coordinates = zip(coordinates, isKept).filter(\.1).map(\.0)
        result.labels = labels.map { zip($0, isKept).filter(\.1).map(\.0) }
        return result
    }

    /// Each box changed as left, top, right, bottom.
    func mappedCorners(_ change: (SIMD4<Float>) -> SIMD4<Float>) -> BoundingBoxes {
        var result = self
        result.coordinates = coordinates.map { Self.written(change(Self.corners($0, format)), format) }
        return result
    }

    /// Each box replaced by the smallest upright box around its four moved corners, cut off at the picture's border.
    func enclosing(canvas: ImageSize? = nil, _ move: (SIMD2<Float>) -> SIMD2<Float>) -> BoundingBoxes {
        var result = mappedCorners { box in
            let corners = [SIMD2(box.x, box.y), SIMD2(box.z, box.y), SIMD2(box.z, box.w), SIMD2(box.x, box.w)].map(move)
            let least = corners.dropFirst().reduce(corners[0]) { pointwiseMin($0, $1) }
            let most = corners.dropFirst().reduce(corners[0]) { pointwiseMax($0, $1) }
            return SIMD4(lowHalf: least, highHalf: most)
        }
        result.canvas = canvas ?? self.canvas
        return result.clamped()
    }

    static func corners(_ box: SIMD4<Float>, _ format: Format) -> SIMD4<Float> {
        switch format {
        case .xyxy: box
        case .xywh: SIMD4(lowHalf: box.lowHalf, highHalf: box.lowHalf + box.highHalf)
        case .cxcywh:
            SIMD4(
                lowHalf: box.lowHalf - box.highHalf / 2, highHalf: box.highHalf + (box.lowHalf - box.highHalf / 2))
        }
    }

    private static func written(_ corners: SIMD4<Float>, _ format: Format) -> SIMD4<Float> {
        let size = corners.highHalf - corners.lowHalf
        switch format {
        case .xyxy: return corners
        case .xywh: return SIMD4(lowHalf: corners.lowHalf, highHalf: size)
        case .cxcywh: return SIMD4(lowHalf: (corners.lowHalf * 2 + size) / 2, highHalf: size)
        }
    }
}
