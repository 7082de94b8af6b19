import MartletGraph

/// Finds where an unread recording repeats itself, so that it is cut between two turns of the user's loop and the next cut
/// meets the same plan.
enum Repetition {
    /// The largest prefix of at most `limit` nodes that ends between two repetitions; `limit` where nothing repeats.
    static func cut(_ nodes: [Node], limit: Int) -> Int {
        let signatures = nodes.enumerated().map { signature($1, at: $0) }
        guard let period = period(of: signatures) else { return limit }
        // The start of the repeating tail: from there on element i equals element i + period.
        var start = nodes.count - period
        while start > 0, signatures[start - 1] == signatures[start - 1 + period] { start -= 1 }
        // Every cut of a loop falls at the same node of its turn, wherever the tail begins: a loop that carries several
        // values would need a few cuts, each a plan of its own, to come to rest.
        start += phase(of: signatures[start..<(start + period)])
        guard start < limit else { return limit }
        return start + (limit - start) / period * period
    }

    /// Where the smallest rotation of one turn begins.
    private static func phase(of turn: ArraySlice<UInt64>) -> Int {
        let signatures = Array(turn)
        let count = signatures.count
        var (first, second, length) = (0, 1, 0)
        while first < count, second < count, length < count {
            let (left, right) = (signatures[(first + length) % count], signatures[(second + length) % count])
            if left == right {
                length += 1
                continue
            }
            if left > right { first += length + 1 } else { second += length + 1 }
            if first == second { second += 1 }
            length = 0
        }
        return min(first, second)
    }

    /// The smallest period of the recording's second half, by the failure function of its reverse.
    private static func period(of signatures: [UInt64]) -> Int? {
        let tail = Array(signatures.reversed().prefix(signatures.count / 2 + 1))
        var failure = [Int](repeating: 0, count: tail.count)
        var length = 0
        for index in tail.indices.dropFirst() {
            while length > 0, tail[index] != tail[length] { length = failure[length - 1] }
            if tail[index] == tail[length] { length += 1 }
            failure[index] = length
        }
        guard let last = failure.last, last > 0 else { return nil }
        let period = tail.count - last
        return period <= tail.count / 2 ? period : nil
    }

    /// What a node does and how far back its operands lie.
    private static func signature(_ node: Node, at index: Int) -> UInt64 {
        var key = KeyWriter()
        key.write(node.primitive.code)
        node.primitive.encode(into: &key)
        for operand in node.operands {
            let pending = operand.node.isPending && operand.node.recording === node.recording
            key.write(pending ? index - operand.node.position : -1)
            key.write(operand.shape)
        }
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for word in key.words { hash = (hash ^ word) &* 0x100_0000_01B3 }
        return hash
    }
}
