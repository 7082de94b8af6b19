import MartletTensor

/// One element of a data set: what a model is shown, and what it should answer.
public struct Sample: Sendable {
    /// What the model is shown.
    public var inputs: Tensor
    /// The answer: a class (an int64 scalar) or numbers.
    public var label: Tensor

    /// An element from its two parts.
    public init(inputs: Tensor, label: Tensor) {
        self.inputs = inputs
        self.label = label
    }
}

/// Several elements of a data set, stacked along a first axis.
///
/// The tensors are uncommitted: they follow the model they meet to its device.
public struct Batch: Sendable {
    /// The elements' inputs.
    ///
    /// ## Shapes
    /// `[count] +` the shape of one element's inputs.
    public var inputs: Tensor
    /// The elements' labels.
    ///
    /// ## Shapes
    /// `[count] +` the shape of one element's label; `[count]` for classes.
    public var labels: Tensor
    /// Each element's index in the data set.
    public var indices: [Int]
    /// The size of each element's inputs along their first axis before padding; nil where nothing was padded.
    ///
    /// ## Shapes
    /// `[count]` int64.
    public var lengths: Tensor?
    /// The size of each element's label along its first axis before padding; nil where nothing was padded.
    ///
    /// ## Shapes
    /// `[count]` int64.
    public var labelLengths: Tensor?

    /// A batch from its parts.
    public init(
        inputs: Tensor, labels: Tensor, indices: [Int], lengths: Tensor? = nil, labelLengths: Tensor? = nil
    ) {
        self.inputs = inputs
        self.labels = labels
        self.indices = indices
        self.lengths = lengths
        self.labelLengths = labelLengths
    }

    /// Number of elements.
    public var count: Int { indices.count }
}
