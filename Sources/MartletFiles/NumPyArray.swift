/// An array as `.npy` and `.npz` files hold it: type, shape and bytes.
public struct NumPyArray: Sendable, Equatable {
    /// The element type.
    public let type: StoredType
    /// The sizes; none for a scalar.
    public let shape: [Int]
    /// The elements in row-major order, each with its lowest byte first.
    public let bytes: [UInt8]

    /// - Precondition: `bytes` has the size that type and shape ask for.
    public init(type: StoredType, shape: [Int], bytes: [UInt8]) {
        guard type.byteCount(shape: shape) == bytes.count else {
            fatalError("NumPyArray: \(bytes.count) bytes do not fit \(type.rawValue) of shape \(shape)")
        }
        self.type = type
        self.shape = shape
        self.bytes = bytes
    }

    /// Moves elements that were stored column by column into row-major order.
    ///
    /// - Parameters:
    ///   - columnMajor: the elements with the first index running fastest.
    ///   - shape: the sizes.
    ///   - width: bytes an element takes.
    static func rowMajor(_ columnMajor: [UInt8], shape: [Int], width: Int) -> [UInt8] {
        guard shape.count > 1, !columnMajor.isEmpty else { return columnMajor }
        var strides = [Int](repeating: width, count: shape.count)
        for axis in 1..<shape.count { strides[axis] = strides[axis - 1] * shape[axis - 1] }
        return [UInt8](unsafeUninitializedCapacity: columnMajor.count) { target, count in
            columnMajor.withUnsafeBytes { source in
                var index = [Int](repeating: 0, count: shape.count)
                var from = 0
                while count < columnMajor.count {
                    for byte in 0..<width { target[count + byte] = source[from + byte] }
                    count += width
                    var axis = shape.count - 1
                    while axis >= 0 {
                        index[axis] += 1
                        from += strides[axis]
                        if index[axis] < shape[axis] { break }
                        from -= strides[axis] * shape[axis]
                        index[axis] = 0
                        axis -= 1
                    }
                }
            }
        }
    }
}
