import MartletTensor

/// Samples from two tensors: one sample a row.
///
///     let data = TensorDataset(features, targets)
///     let loader = DataLoader(data, batchSize: 32, shuffle: true)
public struct TensorDataset: RecordDataset {
    /// The rows.
    public let records: Records
    /// The names of the classes, in the order of their labels; empty where they have none.
    public let classNames: [String]

    /// The rows of `inputs`, each with the row of `labels` beside it. Stops where there are not equally many.
    public init(_ inputs: Tensor, _ labels: Tensor) {
        do { records = try Records(inputs: inputs, labels: labels, name: "TensorDataset") } catch { stop("\(error)") }
        classNames = []
    }

    /// The rows of `inputs`, each with a class.
    ///
    /// - Parameters:
    ///   - inputs: one sample's inputs along each index of the first axis.
    ///   - labels: an integer for each sample; they become int64.
    ///   - classCount: how many classes there are.
    ///   - classNames: their names, where they have some.
    ///   - name: the set's name in errors, such as the file it was read from.
    /// - Throws: `DataError` that names the first label outside `0..<classCount` and its index.
    public init(
        _ inputs: Tensor, _ labels: Tensor, classCount: Int, classNames: [String] = [], name: String = "TensorDataset"
    ) throws(DataError) {
        records = try Records(inputs: inputs, labels: labels, classCount: classCount, name: name)
        self.classNames = classNames
    }
}
