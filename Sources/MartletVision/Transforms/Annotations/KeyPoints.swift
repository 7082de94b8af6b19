/// Places in a picture: joints, landmarks, corners of polygons.
public struct KeyPoints: Sendable, Equatable {
    /// x and y of each, in pixels.
    public var points: [SIMD2<Float>]
    /// The picture's size.
    public var canvas: ImageSize

    /// Points of a picture.
    public init(_ points: [SIMD2<Float>], canvas: ImageSize) { (self.points, self.canvas) = (points, canvas) }

    /// The points moved to the picture's border where they lie outside: torchvision's `clamp_keypoints`.
    public func clamped() -> KeyPoints {
        let most = SIMD2(Float(canvas.width - 1), Float(canvas.height - 1))
        return mapped { $0.clamped(lowerBound: .zero, upperBound: most) }
    }

    /// Each point moved, in a picture of another size where one is given.
    func mapped(canvas: ImageSize? = nil, _ move: (SIMD2<Float>) -> SIMD2<Float>) -> KeyPoints {
        KeyPoints(points.map(move), canvas: canvas ?? self.canvas)
    }
}
