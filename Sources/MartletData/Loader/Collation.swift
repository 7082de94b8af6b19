import MartletTensor

/// How a batch's samples become two tensors.
public struct Collation: Sendable, Hashable {
    /// What is written beyond the end of a sample that is smaller than the batch's largest; nil where sizes must be equal.
    struct Padding: Sendable, Hashable {
        var inputs: Double
        var labels: Double
    }

    let padding: Padding?

    /// Samples of one shape, side by side; another shape is an error.
    public static let stacked = Collation(padding: nil)

    /// Samples of one type and rank, each filled up at its ends to the batch's largest size along every axis. The sizes along
    /// the first axis before that are the batch's `lengths` and `labelLengths`.
    ///
    /// - Parameters:
    ///   - value: what inputs are filled up with.
    ///   - labelValue: what labels are filled up with, such as the class that a loss leaves out.
    public static func padded(value: Double = 0, labelValue: Double = 0) -> Collation {
        Collation(padding: Padding(inputs: value, labels: labelValue))
    }
}
