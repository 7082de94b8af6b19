import MartletTensor

/// A table's rows as samples: features and a target. `CSVTable.dataset(target:)` makes it.
///
/// ## Shapes
/// Inputs `[features]`; label `[1]` of the inputs' type, or `[]` int64 where the target is a class.
public struct TableDataset: RecordDataset {
    /// The rows.
    public let records: Records
    /// What each element of the inputs is.
    public let featureNames: [String]
    /// The column that is to be predicted.
    public let targetName: String
    /// The names of the target's classes, in the order of their labels; empty where the target is a number.
    public let classNames: [String]
}

/// What a target column is.
public enum TargetKind: Sendable, Hashable {
    /// Classes where the column is text, numbers where it has numbers; an error where most of its cells are numbers and some
    /// are not.
    case automatic
    /// Classes: each value that occurs, in its order.
    case classes
    /// Numbers.
    case numbers
}

extension CSVTable {
    /// The rows as samples: one column is the label, all others are inputs, in their order.
    ///
    ///     let iris = try CSVTable(contentsOf: "iris.csv", header: false).dataset(target: 4)
    ///     let wine = try CSVTable(contentsOf: "wine.csv", header: false).dataset(target: 13, as: .classes)
    ///
    /// Missing numbers are NaN in the inputs; `dropMissing` and `fillMissing` leave none. Where some rows are held out, learn a
    /// `TablePreparation` from the others and make data sets of both by it.
    ///
    /// - Parameters:
    ///   - target: the column to predict, by name or place.
    ///   - kind: whether its values are classes or numbers.
    ///   - oneHot: columns to encode as one column a category.
    ///   - ordinal: columns to encode as a category's place.
    ///   - dropping: columns to leave out.
    ///   - dtype: the type of inputs and of labels that are numbers: `.float32` or `.float64`.
    /// - Throws: `TableError` with line and column: a column of text that is neither encoded nor left out, a target or an encoded
    ///   cell that is missing; a column that does not exist.
    public func dataset(
        target: some ColumnSelector, as kind: TargetKind = .automatic, oneHot: [any ColumnSelector] = [],
        ordinal: [any ColumnSelector] = [], dropping: [any ColumnSelector] = [], dtype: DataType = .float32
    ) throws(TableError) -> TableDataset {
        guard dtype == .float32 || dtype == .float64 else {
            stop("CSVTable.dataset: dtype must be float32 or float64, it is \(dtype)")
        }
        let preparation = try TablePreparation(
            learningFrom: self, target: target, as: kind, oneHot: oneHot, ordinal: ordinal, dropping: dropping)
        return try preparation.dataset(of: self, dtype: dtype)
    }

    /// All columns as numbers.
    ///
    /// ## Shapes
    /// `[rows, columns]`.
    public func matrix(_ dtype: DataType = .float32) throws(TableError) -> Tensor {
        var numbers: [[Double]] = []
        for column in columns {
            guard let own = column.numbers else {
                throw notNumbers(column, "encode the column, drop it, or name its mark of missing cells")
            }
            numbers.append(own)
        }
        let width = columns.count
        var elements = [Double](repeating: 0, count: rowCount * width)
        for (column, own) in numbers.enumerated() {
            for row in 0..<rowCount { elements[row * width + column] = own[row] }
        }
        return Tensor(elements, shape: [rowCount, width], dtype: dtype)
    }
}
