/// The sizes of a tensor along its axes, outermost first; `[]` is a scalar's.
public struct Shape: Hashable, Sendable {
    public var sizes: [Int]

    @inlinable public init(_ sizes: [Int]) { self.sizes = sizes }

    /// Number of axes.
    @inlinable public var rank: Int { sizes.count }

    /// Number of elements: the product of the sizes, 1 for a scalar. Sizes are checked against overflow when a tensor is recorded.
    @inlinable public var elementCount: Int {
        var product = 1
        for size in sizes { product &*= size }
        return product
    }

    /// The product of the sizes, or nil where a size is negative or the elements, of up to 8 bytes, could not be numbered by their
    /// bytes.
    package var checkedElementCount: Int? {
        var product = 1
        for size in sizes {
            let (next, overflow) = product.multipliedReportingOverflow(by: size)
            if overflow || size < 0 || next > 1 << 59 { return nil }
            product = next
        }
        return product
    }

    /// Elements between neighbours along each axis of a contiguous, row-major tensor.
    package var contiguousStrides: [Int] {
        var strides = sizes
        var step = 1
        for axis in sizes.indices.reversed() {
            strides[axis] = step
            step &*= sizes[axis]
        }
        return strides
    }
}

extension Shape: RandomAccessCollection, MutableCollection, ExpressibleByArrayLiteral {
    public init(arrayLiteral elements: Int...) { self.init(elements) }
    public var startIndex: Int { 0 }
    public var endIndex: Int { sizes.count }
    public subscript(axis: Int) -> Int {
        get { sizes[axis] }
        set { sizes[axis] = newValue }
    }
}

extension Shape: CustomStringConvertible {
    public var description: String { "[" + sizes.map(String.init).joined(separator: ", ") + "]" }
}

extension Shape: Codable {
    public init(from decoder: any Decoder) throws { self.init(try [Int](from: decoder)) }
    public func encode(to encoder: any Encoder) throws { try sizes.encode(to: encoder) }
}

extension Shape {
    /// The axis counted from the end where negative; nil where there is none.
    package func axis(_ axis: Int) -> Int? {
        let resolved = axis < 0 ? axis + rank : axis
        return sizes.indices.contains(resolved) ? resolved : nil
    }

    /// Axes resolved, checked for repetition and sorted; all axes where `axes` is nil.
    package func resolved(axes: [Int]?, operation: String) throws(ShapeError) -> [Int] {
        guard let axes else { return Array(0..<rank) }
        var result: [Int] = []
        for given in axes {
            guard let axis = self.axis(given) else {
                throw ShapeError(operation, "axis \(given) is out of range for shape \(self)", shapes: [self])
            }
            if result.contains(axis) {
                throw ShapeError(operation, "axis \(given) is named twice", shapes: [self])
            }
            result.append(axis)
        }
        return result.sorted()
    }

    /// The shape without `axes`, or with size 1 in their place.
    package func reduced(_ axes: [Int], keeping: Bool = false) -> Shape {
        var result: [Int] = []
        for axis in 0..<rank {
            if !axes.contains(axis) { result.append(sizes[axis]) } else if keeping { result.append(1) }
        }
        return Shape(result)
    }

    /// NumPy's broadcasting: axes are aligned from the last; sizes are equal or one of them is 1.
    package static func broadcast(_ a: Shape, _ b: Shape, operation: String) throws(ShapeError) -> Shape {
        if a.sizes == b.sizes { return a }
        let rank = Swift.max(a.rank, b.rank)
        var result = [Int](repeating: 1, count: rank)
        for position in 1...rank {
            let left = position <= a.rank ? a.sizes[a.rank - position] : 1
            let right = position <= b.rank ? b.sizes[b.rank - position] : 1
            guard left == right || left == 1 || right == 1 else {
                throw ShapeError(
                    operation, "shapes do not broadcast: axis \(-position) has sizes \(left) and \(right)",
                    shapes: [a, b])
            }
            result[rank - position] = left == 1 ? right : left
        }
        return Shape(result)
    }
}
