import Foundation
import MartletData

/// Draws digits: a shape, a hand, a canvas.
enum DigitArtist {
    /// A picture of 28 by 28 bytes; the same random numbers draw the same picture.
    static func draw(_ digit: Int, _ random: inout RandomStream) -> [UInt8] {
        let variants = DigitShapes.variants[digit]
        let strokes = variants[random.below(variants.count)]
        let hand = DigitHand(&random)
        var curves = strokes.map { stroke in
            curve(through: stroke.map { hand.placed(trembling($0, hand.tremor, &random)) })
        }
        let shift = centring(curves, margin: hand.radius * (1 + hand.pressure) + 1, &random)
        // Now and then a pen slips: a short line that belongs to nothing.
        if random.unit() < 0.06 { curves.append(slip(&random, around: shift)) }
        var canvas = DigitCanvas()
        for curve in curves {
            // Ink runs out for a moment in some strokes.
            let gap = random.unit() < 0.05 ? random.below(curve.count) : 0
            for index in 1..<curve.count where gap == 0 || !(gap...gap + 1).contains(index) {
                let turn = Float(index) / Float(curve.count) * .pi * 2
                let radius = hand.radius * (1 + hand.pressure * sin(turn + hand.pressurePhase))
                canvas.draw(
                    from: moved(curve[index - 1], shift), to: moved(curve[index], shift), radius: radius,
                    softness: hand.softness)
            }
        }
        let darkness = random.uniform(0.78, 1.08)
        let grain = random.unit() < 0.5 ? 0 : random.uniform(0.01, 0.09)
        return canvas.bytes { level in
            // Paper stays clean but for grain, as in scans whose background was cut off.
            grain == 0 ? level * darkness : level * darkness + grain * random.normal()
        }
    }

    private static func trembling(_ point: Point, _ tremor: Float, _ random: inout RandomStream) -> Point {
        Point(point.x + tremor * random.normal(), point.y + tremor * random.normal())
    }

    /// A Catmull-Rom spline through the points, cut into short straight pieces.
    private static func curve(through points: [Point]) -> [Point] {
        let pieces = 8
        var result = [points[0]]
        for index in 1..<points.count {
            let (b, c) = (points[index - 1], points[index])
            let a = index > 1 ? points[index - 2] : b
            let d = index + 1 < points.count ? points[index + 1] : c
            for piece in 1...pieces {
                let t = Float(piece) / Float(pieces)
                result.append(Point(spline(a.x, b.x, c.x, d.x, t), spline(a.y, b.y, c.y, d.y, t)))
            }
        }
        return result
    }

    private static func spline(_ a: Float, _ b: Float, _ c: Float, _ d: Float, _ t: Float) -> Float {
        let linear = (c - a) * t
        let square = (2 * a - 5 * b + 4 * c - d) * t * t
        let cube = (3 * b - a - 3 * c + d) * t * t * t
        return b + 0.5 * (linear + square + cube)
    }

    /// What brings the curves' centre near the picture's, as MNIST centres its digits, and all of them into the picture.
    private static func centring(_ curves: [[Point]], margin: Float, _ random: inout RandomStream) -> Point {
        let points = curves.flatMap { $0 }
        return Point(
            offset(points.map(\.x), margin: margin) { random.normal() },
            offset(points.map(\.y), margin: margin) { random.normal() })
    }

    private static func offset(_ coordinates: [Float], margin: Float, _ error: () -> Float) -> Float {
        let last = Float(DigitCanvas.side) - 1
        let mean = coordinates.reduce(0, +) / Float(coordinates.count)
        let wanted = last / 2 - mean + error()
        let (low, high) = (coordinates.min() ?? 0, coordinates.max() ?? 0)
        // A digit larger than the picture lies in its middle.
        guard high - low <= last - 2 * margin else { return last / 2 - (low + high) / 2 }
        return min(max(wanted, margin - low), last - margin - high)
    }

    private static func slip(_ random: inout RandomStream, around shift: Point) -> [Point] {
        let start = Point(random.uniform(3, 25) - shift.x, random.uniform(3, 25) - shift.y)
        let length = random.uniform(2, 6)
        let angle = random.uniform(0, 2 * .pi)
        return [start, Point(start.x + length * cos(angle), start.y + length * sin(angle))]
    }

    private static func moved(_ point: Point, _ shift: Point) -> Point { Point(point.x + shift.x, point.y + shift.y) }
}
