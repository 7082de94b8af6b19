import MartletGraph

/// A picture with what is known of places in it. A transform that moves the picture moves all of it.
///
///     let photo = AnnotatedImage(image, boxes: BoundingBoxes([SIMD4(10, 20, 60, 90)], canvas: image.size))
///     let turned = photo.rotated(degrees: 30, expand: true)
public struct AnnotatedImage: Sendable, Equatable {
    /// The picture.
    public var image: PlanarImage
    /// Boxes around things.
    public var boxes: BoundingBoxes?
    /// The shapes of things: a plane each, moved as whole samples and never mixed. Of the picture's size.
    public var masks: PlanarImage?
    /// Places.
    public var keypoints: KeyPoints?

    /// A picture and its annotations.
    ///
    /// - Precondition: all are of the picture's size.
    public init(
        _ image: PlanarImage, boxes: BoundingBoxes? = nil, masks: PlanarImage? = nil, keypoints: KeyPoints? = nil
    ) {
        for size in [boxes?.canvas, masks?.size, keypoints?.canvas] {
            guard size == nil || size == image.size else {
                stop("AnnotatedImage: an annotation of \(size ?? image.size) for a picture of \(image.size)")
            }
        }
        (self.image, self.boxes, self.masks, self.keypoints) = (image, boxes, masks, keypoints)
    }

    /// True where there is a box, a mask or a keypoint.
    public var hasAnnotations: Bool { boxes != nil || masks != nil || keypoints != nil }

    /// All parts moved, each in its way; masks as the picture where nothing else is said.
    func moved(
        image move: (PlanarImage) -> PlanarImage, masks moveMasks: ((PlanarImage) -> PlanarImage)? = nil,
        boxes moveBoxes: (BoundingBoxes) -> BoundingBoxes, keypoints moveKeypoints: (KeyPoints) -> KeyPoints
    ) -> AnnotatedImage {
        AnnotatedImage(
            move(image), boxes: boxes.map(moveBoxes),
            masks: masks.map { masks in moveMasks.map { $0(masks) } ?? move(masks) },
            keypoints: keypoints.map(moveKeypoints))
    }

    /// The picture changed where it is; annotations stay.
    func recolored(_ change: (PlanarImage) throws -> PlanarImage) rethrows -> AnnotatedImage {
        var result = self
        result.image = try change(image)
        return result
    }
}
