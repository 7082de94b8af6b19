import MartletTensor

/// Samples that lie side by side in host memory, in the types they were stored in.
///
/// A batch is gathered by copying bytes; only then, and in the graph, do its numbers become float32: a batch of images
/// is copied at a quarter of its later size, and the conversion is fused with what follows.
///
/// The memory is never written after `init`: the records hold its buffers, so no plan may take them over.
public final class Records: Sendable {
    /// Number of samples.
    public let count: Int
    /// Number of classes where labels are classes.
    public let classCount: Int?
    private let inputs: RecordColumn
    private let labels: RecordColumn
    /// What stored inputs become on their way to float32, (x − mean) / divisor; nil leaves them as they are.
    private let scaling: (mean: Double, divisor: Double)?

    /// Takes stacked samples.
    ///
    /// - Parameters:
    ///   - inputs: along the first axis, the samples' inputs.
    ///   - labels: along the first axis, the samples' labels; integers where `classCount` is given.
    ///   - classCount: how many classes there are; nil where labels are no classes.
    ///   - mean: what is taken off inputs that are divided.
    ///   - divisor: what inputs are divided by as they become float32; 255 takes bytes to [0, 1]. Without it they stay in
    ///     their type.
    ///   - name: the set's name in errors.
    /// - Throws: `DataError` with the field `labels`: the first that is not in `0..<classCount`, with its index.
    public init(
        inputs: Tensor, labels: Tensor, classCount: Int? = nil, subtracting mean: Double = 0,
        dividingBy divisor: Double? = nil, name: String
    ) throws(DataError) {
        guard inputs.rank >= 1, labels.rank >= 1, inputs.shape[0] == labels.shape[0] else {
            throw DataError(
                dataset: name, field: "labels", expected: "as many as inputs along the first axis",
                found: "labels of shape \(labels.shape) for inputs of shape \(inputs.shape)")
        }
        if classCount != nil, labels.dtype.isFloatingPoint || labels.rank != 1 {
            throw DataError(
                dataset: name, field: "labels", expected: "one integer a sample",
                found: "\(labels.dtype) of shape \(labels.shape)")
        }
        count = inputs.shape[0]
        self.classCount = classCount
        scaling = divisor.map { (mean, $0) }
        self.inputs = try RecordColumn(inputs, name: name, field: "inputs")
        self.labels = try RecordColumn(
            classCount == nil ? labels : labels.to(dtype: .int64), name: name, field: "labels")
        if let classCount { try checkLabels(classCount, name) }
    }

    /// The samples at `positions`, as bytes: cheap, and done on any thread. `decoded(_:)` completes it.
    package func gathered(_ positions: [Int], indices: [Int]) -> Batch {
        Batch(inputs: inputs.gathered(positions), labels: labels.gathered(positions), indices: indices)
    }

    /// A gathered batch with its inputs as numbers: recorded, hence on the thread that will compute with them.
    package func decoded(_ batch: Batch) -> Batch {
        guard let (mean, divisor) = scaling else { return batch }
        var batch = batch
        let numbers = batch.inputs.to(dtype: .float32)
        batch.inputs = (mean == 0 ? numbers : numbers - mean) / divisor
        return batch
    }

    /// The sample at a position: computed at once where it is cheap, so that what reads sample by sample runs no plan for each.
    public func sample(at position: Int) -> Sample {
        Sample(inputs: decodedRecord(at: position), label: labels.record(at: position))
    }

    private func decodedRecord(at position: Int) -> Tensor {
        guard let (mean, divisor) = scaling else { return inputs.record(at: position) }
        if let scaled = inputs.scaledRecord(at: position, mean: Float(mean), divisor: Float(divisor)) { return scaled }
        let batch = decoded(gathered([position], indices: [position]))
        return batch.inputs.reshape(inputs.recordShape)
    }

    /// The label of each sample as a class; empty where labels are no classes.
    public var classes: [Int] {
        guard classCount != nil else { return [] }
        return labels.withBytes { bytes in Array(bytes.bindMemory(to: Int64.self)).map(Int.init) }
    }

    /// One sample's inputs as they are stored.
    package func withInputBytes<Result>(at position: Int, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        inputs.withBytes { bytes in body(UnsafeRawBufferPointer(rebasing: bytes[inputs.range(of: position)])) }
    }

    private func checkLabels(_ classCount: Int, _ name: String) throws(DataError) {
        guard let index = classes.firstIndex(where: { !(0..<classCount).contains($0) }) else { return }
        throw DataError(
            dataset: name, field: "labels", index: index, expected: "0 to \(classCount - 1)", found: "\(classes[index])"
        )
    }
}
