/// A column while its table is read: numbers until a cell is none, then text.
struct ColumnBuilder {
    let name: String
    /// The kind that the caller demands.
    let demanded: TableColumn.Kind?
    var numbers: [Double] = []
    var texts: [String?] = []
    private(set) var isText: Bool
    private var isInteger = true
    /// True where a cell was read as a number, "nan" among them: as text it is one like any other.
    private var hasNumber = false
    /// True where cells are passed over: the column is known, or is to be read again as text.
    private(set) var isSkipped = false
    /// True where cells were taken for numbers before one was none: only another reading has their text.
    private(set) var needsReading = false

    init(name: String, demanded: TableColumn.Kind?) {
        self.name = name
        self.demanded = demanded
        isText = demanded == .text
    }

    /// The column for the second reading: text from the beginning, or nothing at all.
    func again() -> ColumnBuilder {
        var builder = ColumnBuilder(name: name, demanded: needsReading ? .text : nil)
        builder.isSkipped = !needsReading
        return builder
    }

    /// Takes a cell that reads as a number.
    @inline(__always)
    mutating func take(_ number: Double, isInteger: Bool) {
        numbers.append(number)
        hasNumber = true
        if !isInteger { self.isInteger = false }
    }

    /// Takes a cell that is no number into a column of numbers, which thereby becomes text.
    mutating func becomeText() {
        isText = true
        needsReading = hasNumber
        isSkipped = needsReading
        texts = numbers.map { _ in nil }
        numbers = []
    }

    /// The column as it was read.
    var column: TableColumn {
        isText
            ? TableColumn(name: name, texts)
            : TableColumn(name: name, numbers, kind: isInteger && demanded != .number ? .integer : .number)
    }
}
