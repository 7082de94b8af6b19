import MartletTensor

/// The column of a table that is to be predicted, and what its cells are.
public struct TableTarget: Codable, Hashable, Sendable {
    /// The column's name.
    public let name: String
    /// Its place among the columns, from 0: what counts where a table has no names.
    public let place: Int
    /// The classes in the order of their labels; empty where the target is a number.
    public let classNames: [String]
    /// True where the column was text: its classes are then compared as text.
    let isText: Bool

    /// The target of a table, with the classes that occur in it.
    ///
    /// - Throws: `TableError` where there is no such column; where nobody says what the cells are, and most are numbers but
    ///   not all, with the line of one that is none.
    public init(
        of table: CSVTable, _ selector: some ColumnSelector, as kind: TargetKind = .automatic
    ) throws(TableError) {
        place = try table.place(of: selector)
        let column = table.columns[place]
        name = column.name
        isText = column.kind == .text
        if kind == .automatic, column.isMostlyNumbers {
            throw table.notNumbers(column, "name its mark of missing cells in missing, or say that it is of classes")
        }
        classNames = kind == .classes || (kind == .automatic && isText) ? column.categories : []
    }

    /// True where the target is a class.
    public var isClass: Bool { !classNames.isEmpty }

    /// Each row's label.
    ///
    /// ## Shapes
    /// `[rows]` int64 where the target is a class, else `[rows, 1]` of `dtype`.
    ///
    /// - Throws: `TableError` with line and column: a label that is missing, or none of the classes.
    public func labels(of table: CSVTable, dtype: DataType = .float32) throws(TableError) -> Tensor {
        let column = table.hasHeader ? try table.column(name) : try table.column(place)
        if isClass { return Tensor(try table.codes(of: column, classNames)) }
        guard let numbers = column.numbers else { throw table.notNumbers(column) }
        if let row = numbers.firstIndex(where: \.isNaN) {
            throw table.error(row, column, expected: "a target (rows without one can be dropped)")
        }
        return Tensor(numbers, shape: [table.rowCount, 1], dtype: dtype)
    }
}
