import MartletGraph
import MartletTensor

/// Indices that lie in memory are checked where they are used: a wrong one is a mistake in the data or the class count.
/// Those still to be computed are not: waiting for them would stop the pipeline.
enum IndexCheck {
    static func check(_ operation: String, _ what: String, _ indices: Tensor, below count: Int, ignoring ignored: Int?)
    {
        visit(indices) { position, index in
            if !(0..<count).contains(index), index != ignored {
                stop("\(operation): \(what) \(index) at position \(position) is outside 0..<\(count)")
            }
        }
    }

    /// Rows of indices of which each is used up to its length.
    static func check(_ operation: String, _ what: String, _ rows: Tensor, lengths: Tensor, below count: Int) {
        var ends: [Int] = []
        visit(lengths) { ends.append($1) }
        guard ends.count == rows.shape[0] else { return }
        visit(rows) { position, index in
            if position % rows.shape[1] < ends[position / rows.shape[1]], !(0..<count).contains(index) {
                stop("\(operation): \(what) \(index) at position \(position) is outside 0..<\(count)")
            }
        }
    }

    /// Goes through integers that lie in the host's memory as they are counted, and through no others.
    private static func visit(_ indices: Tensor, _ body: (_ position: Int, _ index: Int) -> Void) {
        guard let realized = indices.value.node.realized(indices.value.index), realized.isPlain,
            realized.buffer.device == .cpu
        else { return }
        let base = UnsafeRawPointer(realized.buffer.address)
        for position in 0..<indices.elementCount {
            body(position, indices.dtype.loadInteger(base, realized.offset + position))
        }
    }
}
