import Foundation
import MartletData

/// One way of holding the pen: how the points of a shape come to lie on the paper. Drawn anew for each image.
///
/// A point of the shape is moved by a smooth random field (the elastic distortion), then by an affine map (size, slant,
/// rotation), in pixels around the origin.
struct DigitHand {
    /// Half the stroke's width in pixels.
    let radius: Float
    /// The width over which ink fades at a stroke's edge.
    let softness: Float
    /// How much the pressure, and so the radius, changes along a stroke.
    let pressure: Float
    /// Shifts where along a stroke the pen presses.
    let pressurePhase: Float
    /// How far single points miss their place, in the shape's units.
    let tremor: Float
    private let matrix: (a: Float, b: Float, c: Float, d: Float)
    private let waves: [Wave]

    /// A plane wave of displacement.
    private struct Wave {
        let frequency: Point
        let amplitude: Point
        let phase: Float
    }

    init(_ random: inout RandomStream) {
        let height = 20 * random.uniform(0.78, 1.04)
        let width = height * random.uniform(0.5, 0.9)
        let slant = 0.12 + 0.19 * random.normal()
        let angle = 0.13 * random.normal()
        let (sine, cosine) = (sin(angle), cos(angle))
        // Rotation times shear times size; y points down, so a positive slant leans to the right.
        matrix = (
            cosine * width, -(cosine * slant + sine) * height,
            sine * width, (cosine - sine * slant) * height
        )
        let strength = random.uniform(0.01, 0.055)
        waves = (0..<4).map { _ in
            let direction = random.uniform(0, 2 * .pi)
            let frequency = random.uniform(3, 8)
            return Wave(
                frequency: Point(cos(direction) * frequency, sin(direction) * frequency),
                amplitude: Point(strength * random.normal(), strength * random.normal()),
                phase: random.uniform(0, 2 * .pi))
        }
        radius = 0.55 + 1.25 * random.unit() * random.unit() + 0.35 * random.unit()
        softness = random.uniform(0.9, 1.5)
        pressure = random.uniform(0, 0.3)
        pressurePhase = random.uniform(0, 2 * .pi)
        tremor = random.uniform(0.008, 0.034)
    }

    /// Where a point of the shape lies, in pixels around the origin.
    func placed(_ point: Point) -> Point {
        var (x, y) = (point.x - 0.5, point.y - 0.5)
        for wave in waves {
            let height = sin(wave.frequency.x * point.x + wave.frequency.y * point.y + wave.phase)
            x += wave.amplitude.x * height
            y += wave.amplitude.y * height
        }
        return Point(matrix.a * x + matrix.b * y, matrix.c * x + matrix.d * y)
    }
}

extension RandomStream {
    /// A normal number (Box, Muller).
    mutating func normal() -> Float {
        let radius = (-2 * log(1 - unit())).squareRoot()
        return radius * cos(2 * .pi * unit())
    }
}
