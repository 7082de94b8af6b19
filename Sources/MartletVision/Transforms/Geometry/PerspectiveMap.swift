import MartletGraph

/// A picture seen from elsewhere: four points go to four others.
public struct PerspectiveMap: Sendable, Equatable {
    /// a ... h of ((a x + b y + c) / (g x + h y + 1), (d x + e y + f) / (g x + h y + 1)): from a place of the result back to
    /// the picture.
    public let coefficients: [Float]

    /// A map of eight coefficients.
    public init(coefficients: [Float]) {
        guard coefficients.count == 8 else { stop("PerspectiveMap: \(coefficients.count) coefficients; there are 8") }
        self.coefficients = coefficients
    }

    /// The map that takes four points of a picture, no three of them on a line, to four others.
    public init(from start: [SIMD2<Double>], to end: [SIMD2<Double>]) {
        guard start.count == 4, end.count == 4 else {
            stop("PerspectiveMap: \(start.count) points go to \(end.count); there are 4")
        }
        var system: [[Double]] = []
        for (from, to) in zip(start, end) {
            system.append([to.x, to.y, 1, 0, 0, 0, -from.x * to.x, -from.x * to.y, from.x])
            system.append([0, 0, 0, to.x, to.y, 1, -from.y * to.x, -from.y * to.y, from.y])
        }
        guard let solution = Self.solved(system) else { stop("PerspectiveMap: three of \(end) lie on a line") }
        coefficients = solution.map { Float($0) }
    }

    /// True where three of four points lie on a line.
    static func isDegenerate(_ points: [SIMD2<Double>]) -> Bool {
        points.indices.contains { left in
            let three = points.indices.filter { $0 != left }.map { points[$0] }
            let (a, b) = (three[1] - three[0], three[2] - three[0])
            return a.x * b.y == a.y * b.x
        }
    }

    /// The solution of linear equations, whose right side is each row's last number (Gauss, with the largest pivots); nil where
    /// there is no only one.
    private static func solved(_ system: [[Double]]) -> [Double]? {
        var rows = system
        for column in rows.indices {
            guard let pivot = rows.indices[column...].max(by: { abs(rows[$0][column]) < abs(rows[$1][column]) }),
                abs(rows[pivot][column]) > 1e-12
            else { return nil }
            rows.swapAt(column, pivot)
            for row in rows.indices where row != column {
                let factor = rows[row][column] / rows[column][column]
                for place in column...rows.count { rows[row][place] -= factor * rows[column][place] }
            }
        }
        return rows.indices.map { rows[$0][rows.count] / rows[$0][$0] }
    }

    /// Where a place of the picture goes.
    func place() -> (SIMD2<Float>) -> SIMD2<Float> {
        let c = coefficients.map { Double($0) }
        let determinant = c[0] * c[4] - c[1] * c[3]
        let inverse = [
            c[4] - c[5] * c[7], c[2] * c[7] - c[1], c[1] * c[5] - c[2] * c[4],
            c[5] * c[6] - c[3], c[0] - c[2] * c[6], c[2] * c[3] - c[0] * c[5],
            c[3] * c[7] - c[4] * c[6], c[1] * c[6] - c[0] * c[7],
        ].map { Float($0 / determinant) }
        return { point in
            let divisor = inverse[6] * point.x + inverse[7] * point.y + 1
            let x = inverse[0] * point.x + inverse[1] * point.y + inverse[2]
            let y = inverse[3] * point.x + inverse[4] * point.y + inverse[5]
            return SIMD2(x, y) / divisor
        }
    }
}

extension PlanarImage {
    /// The picture seen from elsewhere: torchvision's `perspective`.
    public func warped(
        by map: PerspectiveMap, interpolation: Interpolation = .bilinear, fill: Fill = .none
    ) -> PlanarImage {
        warped(.perspective(map.coefficients), size, interpolation, fill)
    }
}

extension AnnotatedImage {
    /// The picture seen from elsewhere: torchvision's `perspective`.
    public func warped(
        by map: PerspectiveMap, interpolation: Interpolation = .bilinear, fill: Fill = .none
    ) -> AnnotatedImage {
        moved(
            image: { $0.warped(by: map, interpolation: interpolation, fill: fill) },
            masks: { $0.warped(by: map, interpolation: .nearest, fill: fill.ofMasks) },
            boxes: { $0.enclosing(map.place()) }, keypoints: { $0.mapped(map.place()) })
    }
}
