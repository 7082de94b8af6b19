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
    /// Classes where the column is text, numbers where it has numbers.
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
    /// Missing numbers are NaN in the inputs; `dropMissing` and `fillMissing` leave none.
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
        guard rowCount > 0 else { throw TableError(file: name, expected: "a row at least", found: "none") }
        let label = try column(target)
        // By name from here on: places change as columns are left out and encoded.
        let (hot, ordered, dropped) = (try names(oneHot), try names(ordinal), try names(dropping))
        if let both = (hot + ordered + dropped).first(where: { $0 == label.name }) {
            throw TableError(file: name, column: both, expected: "a target", found: "a column to encode or leave out")
        }
        let features = try self.dropping(dropped + [label.name]).oneHot(hot).ordinal(ordered)
        let isClass = kind == .classes || (kind == .automatic && label.kind == .text)
        let classNames = isClass ? label.categories : []
        let labels = isClass ? Tensor(try codes(of: label, classNames)) : try numbers(of: label, dtype)
        do {
            return TableDataset(
                records: try Records(
                    inputs: try features.matrix(dtype), labels: labels, classCount: isClass ? classNames.count : nil,
                    name: name),
                featureNames: features.columnNames, targetName: label.name, classNames: classNames)
        } catch let error as TableError {
            throw error
        } catch {
            throw TableError(file: name, expected: "records", found: "\(error)")
        }
    }

    private func names(_ selectors: [any ColumnSelector]) throws(TableError) -> [String] {
        var names: [String] = []
        for selector in selectors { names.append(columns[try place(of: selector)].name) }
        return names
    }

    /// A target's numbers, none of which may be missing.
    ///
    /// ## Shapes
    /// `[rows, 1]`.
    private func numbers(of column: TableColumn, _ dtype: DataType) throws(TableError) -> Tensor {
        guard let numbers = column.numbers else { throw error(0, column, expected: "a number") }
        if let row = numbers.firstIndex(where: \.isNaN) {
            throw error(row, column, expected: "a target (dropMissing first)")
        }
        return Tensor(numbers, shape: [rowCount, 1], dtype: dtype)
    }

    /// All columns as numbers.
    ///
    /// ## Shapes
    /// `[rows, columns]`.
    public func matrix(_ dtype: DataType = .float32) throws(TableError) -> Tensor {
        var numbers: [[Double]] = []
        for column in columns {
            guard let own = column.numbers else {
                let row = column.texts.firstIndex { $0 != nil } ?? 0
                throw error(row, column, expected: "a number (name the column in oneHot, ordinal or dropping)")
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
