/// What an operation asks of a machine, from its shapes alone: arithmetic, and the memory that it must touch at least once.
///
/// Arithmetic counts as the field counts it: a multiply-add is 2, a function of an element 1, moving and converting 0. Padding
/// of a convolution counts like its inside.
package struct Cost: Hashable, Sendable {
    /// Operations on numbers, floating-point or integer.
    package var flops: Int
    /// Bytes read and written, each operand and result once.
    package var bytes: Int

    package init(flops: Int, bytes: Int) { (self.flops, self.bytes) = (flops, bytes) }

    /// What is only another view of memory, or is never run.
    package static let none = Cost(flops: 0, bytes: 0)

    /// One pass over all operands and results.
    package static func pass(_ operands: [TensorType], _ results: [TensorType], flops: Int = 0) -> Cost {
        Cost(flops: flops, bytes: (operands + results).reduce(0) { $0 + $1.byteCount })
    }

    package static func += (left: inout Cost, right: Cost) {
        left.flops += right.flops
        left.bytes += right.bytes
    }
}
