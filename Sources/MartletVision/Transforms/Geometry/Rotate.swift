extension PlanarImage {
    /// The picture rotated counter-clockwise: torchvision's `rotate`.
    ///
    /// A quarter turn that keeps the picture's size, or may change it, moves samples and mixes none.
    ///
    /// - Parameters:
    ///   - degrees: counter-clockwise.
    ///   - interpolation: nearest or bilinear.
    ///   - expand: whether the picture grows to hold all of the rotated one.
    ///   - center: what stays in place; nil is the middle.
    ///   - fill: what lies outside.
    public func rotated(
        degrees: Double, interpolation: Interpolation = .nearest, expand: Bool = false, center: SIMD2<Double>? = nil,
        fill: Fill = .none
    ) -> PlanarImage {
        let turn = degrees - (degrees / 360).rounded(.down) * 360
        if center == nil, let turned = turned(by: turn, expand: expand) { return turned }
        let map = AffineMap(angle: -turn, center: center)
        let target = expand ? map.expandedSize(of: size) : size
        return warped(.affine(map.inverse(in: size)), target, interpolation, fill)
    }

    private func turned(by degrees: Double, expand: Bool) -> PlanarImage? {
        switch degrees {
        case 0: self
        case 180: flippedHorizontally().flippedVertically()
        case 90 where expand || width == height: transposed().flippedVertically()
        case 270 where expand || width == height: transposed().flippedHorizontally()
        default: nil
        }
    }
}

extension AffineMap {
    /// The size that holds all of a picture that was moved by this map.
    func expandedSize(of size: ImageSize) -> ImageSize {
        let m = inverse(in: size).map { Float($0) }
        let half = SIMD2(Float(size.middle.x), Float(size.middle.y))
        let corners = [SIMD2<Float>(-1, -1), SIMD2(-1, 1), SIMD2(1, 1), SIMD2(1, -1)].map { sign in
            let corner = sign * half
            return SIMD2(m[0] * corner.x + m[1] * corner.y + m[2], m[3] * corner.x + m[4] * corner.y + m[5]) + half
        }
        // Cut after four places: a rounding of 1e-7 must not add a row.
        func cut(_ value: Float) -> Float { (value * 1e4).rounded(.towardZero) * 1e-4 }
        let (x, y) = (corners.map { cut($0.x) }, corners.map { cut($0.y) })
        func extent(_ values: [Float]) -> Int {
            Int((values.max() ?? 0).rounded(.up)) - Int((values.min() ?? 0).rounded(.down))
        }
        return ImageSize(height: max(1, extent(y)), width: max(1, extent(x)))
    }
}

extension AnnotatedImage {
    /// The picture rotated counter-clockwise: torchvision's `rotate`.
    public func rotated(
        degrees: Double, interpolation: Interpolation = .nearest, expand: Bool = false, center: SIMD2<Double>? = nil,
        fill: Fill = .none
    ) -> AnnotatedImage {
        let map = AffineMap(angle: -degrees, center: center)
        let place = map.place(in: image.size)
        let rotated = image.rotated(
            degrees: degrees, interpolation: interpolation, expand: expand, center: center, fill: fill)
        let (width, height) = (Float(image.width), Float(image.height))
        let corners = [SIMD2(0, 0), SIMD2(0, height), SIMD2(width, height), SIMD2(width, 0)].map(place)
        let origin = expand ? corners.dropFirst().reduce(corners[0]) { pointwiseMin($0, $1) } : .zero
        return moved(
            image: { _ in rotated },
            masks: { $0.rotated(degrees: degrees, expand: expand, center: center, fill: fill.ofMasks) },
            boxes: { $0.enclosing(canvas: rotated.size) { place($0) - origin } },
            keypoints: { $0.mapped(canvas: rotated.size) { place($0) - origin } })
    }
}
