/// The layout nChw16c: channels in blocks of 16, each block innermost.
///
/// A value of shape `[batch, channels, spatial...]` lies in memory as a contiguous `[batch, channels / 16, spatial..., 16]`.
package enum ChannelBlocks {
    package static let size = 16

    /// True where a value of this shape can lie so without padding.
    package static func fit(_ shape: Shape) -> Bool { shape.rank >= 3 && shape[1] > 0 && shape[1] % size == 0 }

    /// The shape in memory.
    package static func shape(_ shape: Shape) -> Shape {
        Shape([shape[0], shape[1] / size] + shape.sizes.dropFirst(2) + [size])
    }

    /// Strides of a plain walk over `[batch, channels, spatial...]` as a walk over the shape in memory.
    package static func strides(_ strides: [Int]) -> [Int] {
        [strides[0], strides[1] * size] + strides.dropFirst(2) + [strides[1]]
    }

    /// Numbers of the axes in memory, reordered to `[batch, channels / 16, 16, spatial...]`, which merge to the plain ones.
    package static func inRowMajorOrder(_ numbers: [Int]) -> [Int] {
        [numbers[0], numbers[1], numbers[numbers.count - 1]] + numbers[2..<(numbers.count - 1)]
    }
    package static func inRowMajorOrder(_ shape: Shape) -> Shape { Shape(inRowMajorOrder(shape.sizes)) }
}
