import Foundation
import MartletGraph

/// A picture rotated, moved, stretched and slanted around a point.
///
/// A place p goes to T + C + R S H (p - C): R rotates clockwise, S scales, H shears, C is the centre and T the translation;
/// torchvision's `affine` and its parameters.
public struct AffineMap: Sendable, Equatable {
    /// Degrees, clockwise.
    public var angle: Double
    /// Samples to the right and down.
    public var translate: SIMD2<Double>
    /// The factor of lengths; more than 0.
    public var scale: Double
    /// Degrees along x and y.
    public var shear: SIMD2<Double>
    /// What stays in place, in samples from the upper left corner; nil is the picture's middle.
    public var center: SIMD2<Double>?

    /// A map of these parts.
    public init(
        angle: Double = 0, translate: SIMD2<Double> = .zero, scale: Double = 1, shear: SIMD2<Double> = .zero,
        center: SIMD2<Double>? = nil
    ) {
        (self.angle, self.translate, self.scale, self.shear) = (angle, translate, scale, shear)
        self.center = center
    }

    /// a ... f of (a x + b y + c, d x + e y + f), from the picture to the moved picture or, inverted, back.
    func matrix(center: SIMD2<Double>, inverted: Bool) -> [Double] {
        guard scale > 0 else { stop("AffineMap: the scale is above 0, it is \(scale)") }
        let radians = SIMD3(angle, shear.x, shear.y) * (Double.pi / 180)
        let (rotation, alongX, alongY) = (radians.x, radians.y, radians.z)
        let moved = center + translate
        let a = cos(rotation - alongY) / cos(alongY)
        let b = -(a * tan(alongX) + sin(rotation))
        let c = sin(rotation - alongY) / cos(alongY)
        let d = cos(rotation) - c * tan(alongX)
        guard inverted else {
            let (a, b, c, d) = (a * scale, b * scale, c * scale, d * scale)
            return [
                a, b, moved.x - a * center.x - b * center.y, c, d, moved.y - c * center.x - d * center.y,
            ]
        }
        // The determinant without the scale is 1.
        let inverse = (a: d / scale, b: -b / scale, c: -c / scale, d: a / scale)
        return [
            inverse.a, inverse.b, center.x - inverse.a * moved.x - inverse.b * moved.y,
            inverse.c, inverse.d, center.y - inverse.c * moved.x - inverse.d * moved.y,
        ]
    }

    /// Where a place of a picture of that size goes.
    func place(in size: ImageSize) -> (SIMD2<Float>) -> SIMD2<Float> {
        let m = matrix(center: center ?? size.middle, inverted: false).map { Float($0) }
        return { point in
            SIMD2(m[0] * point.x + m[1] * point.y + m[2], m[3] * point.x + m[4] * point.y + m[5])
        }
    }

    /// The map back, with places counted from the picture's middle.
    func inverse(in size: ImageSize) -> [Double] {
        matrix(center: center.map { $0 - size.middle } ?? .zero, inverted: true)
    }
}

extension ImageSize {
    /// The middle, in samples from the upper left corner.
    var middle: SIMD2<Double> { SIMD2(Double(width) / 2, Double(height) / 2) }
}

extension PlanarImage {
    /// The picture rotated, moved, stretched and slanted: torchvision's `affine`.
    ///
    /// - Parameters:
    ///   - map: how.
    ///   - interpolation: nearest or bilinear.
    ///   - fill: what lies outside.
    public func warped(
        by map: AffineMap, interpolation: Interpolation = .nearest, fill: Fill = .none
    ) -> PlanarImage {
        warped(.affine(map.inverse(in: size)), size, interpolation, fill)
    }
}

extension AnnotatedImage {
    /// The picture rotated, moved, stretched and slanted: torchvision's `affine`.
    public func warped(
        by map: AffineMap, interpolation: Interpolation = .nearest, fill: Fill = .none
    ) -> AnnotatedImage {
        let place = map.place(in: image.size)
        return moved(
            image: { $0.warped(by: map, interpolation: interpolation, fill: fill) },
            masks: { $0.warped(by: map, fill: fill.ofMasks) },
            boxes: { $0.enclosing(place) }, keypoints: { $0.mapped(place) })
    }
}
