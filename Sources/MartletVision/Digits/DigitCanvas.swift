import Foundation

/// A grey picture of 28 by 28 that strokes are drawn on: 0 is paper, 1 is ink.
struct DigitCanvas {
    static let side = 28
    private(set) var ink = [Float](repeating: 0, count: side * side)

    /// Draws a straight piece of a stroke, its ends round: ink where the distance to the piece is below the radius,
    /// fading over `softness`. Where pieces overlap the darker one counts, so joints leave no mark.
    mutating func draw(from a: Point, to b: Point, radius: Float, softness: Float) {
        let reach = radius + softness
        let columns = Self.pixels(min(a.x, b.x) - reach, max(a.x, b.x) + reach)
        let rows = Self.pixels(min(a.y, b.y) - reach, max(a.y, b.y) + reach)
        let direction = Point(b.x - a.x, b.y - a.y)
        let squaredLength = max(direction.x * direction.x + direction.y * direction.y, 1e-12)
        ink.withUnsafeMutableBufferPointer { ink in
            for row in rows {
                for column in columns {
                    let offset = Point(Float(column) - a.x, Float(row) - a.y)
                    let along = (offset.x * direction.x + offset.y * direction.y) / squaredLength
                    let share = min(1, max(0, along))
                    let (x, y) = (offset.x - share * direction.x, offset.y - share * direction.y)
                    let distance = (x * x + y * y).squareRoot()
                    let level = min(1, max(0, (radius - distance) / softness + 0.5))
                    let position = row * Self.side + column
                    ink[position] = max(ink[position], level)
                }
            }
        }
    }

    /// The picture in bytes, after `change` of each level.
    func bytes(_ change: (Float) -> Float) -> [UInt8] {
        ink.map { UInt8(min(1, max(0, change($0))) * 255 + 0.5) }
    }

    /// The pixels of a row or column between two coordinates.
    private static func pixels(_ low: Float, _ high: Float) -> Range<Int> {
        let first = max(0, Int(low.rounded(.up)))
        return first..<max(first, min(side, Int(high.rounded(.down)) + 1))
    }
}
