import MartletGraph

/// A value as elements of a base, by strides from an offset: what all view primitives become.
package struct View: Hashable, Sendable {
    /// Index of the base in the plan.
    package var base: Int
    /// Elements between neighbours along each axis.
    package var strides: [Int]
    package var offset: Offset

    /// An offset in elements: a constant and multiples of the run's integers (slice starts).
    package struct Offset: Hashable, Sendable {
        package var constant = 0
        package var terms: [Term] = []
        package struct Term: Hashable, Sendable {
            package let scalar: Int
            package let stride: Int
        }
        package mutating func add(_ reference: ArgumentReference, times stride: Int) {
            switch reference {
            case .fixed(let scalar): constant += scalar.integer * stride
            case .runtime(let index): if stride != 0 { terms.append(Term(scalar: index, stride: stride)) }
            }
        }
        package var isZero: Bool { constant == 0 && terms.isEmpty }
    }

    /// True where the strides walk the shape in row-major order without gaps.
    package static func isContiguous(_ strides: [Int], _ shape: Shape) -> Bool {
        var step = 1
        for axis in stride(from: shape.rank - 1, through: 0, by: -1) where shape[axis] != 1 {
            if strides[axis] != step { return false }
            step *= shape[axis]
        }
        return true
    }

    /// The strides that show `shape` with `strides` as `target`, or nil where only a copy can.
    ///
    /// Groups of axes with equal products are matched from the left; within a group the source must be one stretch.
    package static func reshapedStrides(_ shape: Shape, _ strides: [Int], as target: Shape) -> [Int]? {
        let source = shape.indices.filter { shape[$0] != 1 }
        var result = [Int](repeating: 0, count: target.rank)
        var position = 0
        var axis = 0
        while axis < target.rank {
            if target[axis] == 1 {
                axis += 1
                continue
            }
            guard position < source.count else { return nil }
            var sourceCount = shape[source[position]]
            var targetCount = target[axis]
            var sourceEnd = position
            var targetEnd = axis
            while sourceCount != targetCount {
                if sourceCount < targetCount {
                    guard sourceEnd + 1 < source.count else { return nil }
                    let (outer, inner) = (source[sourceEnd], source[sourceEnd + 1])
                    if strides[outer] != strides[inner] * shape[inner] { return nil }
                    sourceEnd += 1
                    sourceCount *= shape[inner]
                } else {
                    targetEnd += 1
                    guard targetEnd < target.rank else { return nil }
                    targetCount *= target[targetEnd]
                }
            }
            var step = strides[source[sourceEnd]]
            for inner in stride(from: targetEnd, through: axis, by: -1) {
                result[inner] = target[inner] == 1 ? 0 : step
                step *= target[inner]
            }
            position = sourceEnd + 1
            axis = targetEnd + 1
        }
        return result
    }
}
