/// Layouts with channels innermost, as convolutions like them: in blocks of 16 (nChw16c), or all of them side by side, which is
/// one block as wide as there are channels (nhwc).
///
/// A value of shape `[batch, channels, spatial...]` in blocks of b lies in memory as a contiguous
/// `[batch, channels / b, spatial..., b]`. Where a layout is an optional block size, nil means plain.
package enum ChannelBlocks {
    /// The block of nChw16c, a vector's width; kernels take any block that is a multiple of it.
    package static let size = 16

    /// True where a value of this shape can lie in blocks of `size` without padding.
    package static func fit(_ shape: Shape, _ size: Int = size) -> Bool {
        shape.rank >= 3 && shape[1] > 0 && shape[1] % size == 0
    }

    /// The shape in memory.
    package static func shape(_ shape: Shape, _ size: Int = size) -> Shape {
        Shape([shape[0], shape[1] / size] + shape.sizes.dropFirst(2) + [size])
    }

    /// Strides of a plain walk over `[batch, channels, spatial...]` as a walk over the shape in memory.
    package static func strides(_ strides: [Int], _ size: Int = size) -> [Int] {
        [strides[0], strides[1] * size] + strides.dropFirst(2) + [strides[1]]
    }

    /// Numbers of the axes in memory, reordered to `[batch, channels / b, b, spatial...]`, which merge to the plain ones.
    package static func inRowMajorOrder(_ numbers: [Int]) -> [Int] {
        [numbers[0], numbers[1], numbers[numbers.count - 1]] + numbers[2..<(numbers.count - 1)]
    }
    package static func inRowMajorOrder(_ shape: Shape) -> Shape { Shape(inRowMajorOrder(shape.sizes)) }
}
