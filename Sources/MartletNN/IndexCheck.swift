import MartletGraph
import MartletTensor

/// Indices that lie in memory are checked where they are used: a wrong one is a mistake in the data or the class count.
/// Those still to be computed are not: waiting for them would stop the pipeline.
enum IndexCheck {
    static func check(_ operation: String, _ what: String, _ indices: Tensor, below count: Int, ignoring ignored: Int?)
    {
        guard let realized = indices.value.node.realized(indices.value.index), realized.isPlain,
            realized.buffer.device == .cpu
        else { return }
        let base = UnsafeRawPointer(realized.buffer.address)
        for position in 0..<indices.elementCount {
            let index = indices.dtype.loadInteger(base, realized.offset + position)
            if !(0..<count).contains(index), index != ignored {
                stop("\(operation): \(what) \(index) at position \(position) is outside 0..<\(count)")
            }
        }
    }
}
