/// 32 random bits an element, as int64: Philox4x32-10 in counter mode (Salmon et al., SC 2011).
///
/// Operands: key and start, int64 scalars. Element n takes lane (start + n) mod 4 of the block with counter
/// ((start + n) / 4, 0): the same bits on every backend and any number of threads.
package struct RandomBits: PrimitiveFamily {
    package let shape: Shape
    package init(_ shape: Shape) { self.shape = shape }

    package var name: String { "randomBits" }
    package var residuals: Residuals { .none }

    package func resultTypes(of operands: [TensorType], arguments: [Scalar]) throws(ShapeError) -> [TensorType] {
        for operand in operands where operand != TensorType([], .int64) {
            throw ShapeError(name, "key and start are int64 scalars, not \(operand)")
        }
        return [TensorType(shape, .int64)]
    }
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?] { [nil, nil] }
    package func pushforward(_ node: Node, _ tangents: [Value?]) -> [Value?] { [nil] }

    /// Keys or starts that differ along the batch: each its own stream, drawn one after the other.
    package func batch(_ operands: [Value], isBatched: [Bool], size: Int, arguments: [Scalar]) -> [Value] {
        let rows = (0..<size).map { row in
            let own = zip(operands, isBatched).map { operand, batched in
                batched ? operand.sliced(axis: 0, start: row, count: 1).reshaped(known: []) : operand
            }
            return Value.make(.randomBits(self), own).insertingAxis(0)
        }
        return [Value.concatenated(rows, axis: 0)]
    }
    package func evaluate(_ operands: [HostArray], arguments: [Scalar], results: [TensorType]) throws -> [HostArray] {
        let key = UInt64(bitPattern: Int64(operands[0].integers[0]))
        let start = UInt64(bitPattern: Int64(operands[1].integers[0]))
        let bits = (0..<shape.elementCount).map { RandomBits.bits(key: key, position: start &+ UInt64($0)) }
        return [HostArray(results[0], integer: bits)]
    }

    /// The 32 bits at a position of the stream that a key gives.
    package static func bits(key: UInt64, position: UInt64) -> Int {
        Int(Philox.block(key: key, counter: position / 4)[Int(position % 4)])
    }
    package func encode(into key: inout KeyWriter) { key.write(shape) }
}

/// Philox4x32-10: a block cipher of ten rounds over a counter.
package enum Philox {
    package static func block(key: UInt64, counter: UInt64) -> [UInt32] {
        var k0 = UInt32(truncatingIfNeeded: key)
        var k1 = UInt32(truncatingIfNeeded: key >> 32)
        var c0 = UInt32(truncatingIfNeeded: counter)
        var c1 = UInt32(truncatingIfNeeded: counter >> 32)
        var c2: UInt32 = 0
        var c3: UInt32 = 0
        for _ in 0..<10 {
            let first = UInt64(0xD251_1F53) * UInt64(c0)
            let second = UInt64(0xCD9E_8D57) * UInt64(c2)
            (c0, c1, c2, c3) = (
                UInt32(second >> 32) ^ c1 ^ k0, UInt32(truncatingIfNeeded: second),
                UInt32(first >> 32) ^ c3 ^ k1, UInt32(truncatingIfNeeded: first)
            )
            k0 &+= 0x9E37_79B9
            k1 &+= 0xBB67_AE85
        }
        return [c0, c1, c2, c3]
    }
}
