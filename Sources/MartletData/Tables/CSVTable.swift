import MartletFiles
import MartletTensor

/// A table read from text: columns of numbers and of text under names.
///
///     let table = try CSVTable(contentsOf: "housing.csv")
///     let data = try table.dropMissing().dataset(target: "median_house_value", oneHot: ["ocean_proximity"])
///
/// A column whose cells are all numbers is one of numbers (`integer` where all are written without a point); any other is text.
/// Blank cells are missing: NaN in numbers, nil in text. A field in quotes may hold separators, line ends and, doubled, quotes.
/// Lines end with "\n", "\r\n" or "\r"; lines without a byte are passed over. The text is UTF-8, with or without a byte order
/// mark.
///
/// A table is a value: what changes it gives another one.
///
/// Source of the format: RFC 4180.
public struct CSVTable: Sendable {
    /// The file's path, or the name given to the text.
    public let name: String
    /// The columns, in the order of the file.
    public let columns: [TableColumn]
    /// How many rows there are.
    public let rowCount: Int
    /// Whether the columns' names stand in the file; else they are `column0`, `column1`, ...
    public let hasHeader: Bool
    /// Each row's line in the file.
    let lines: [UInt32]

    /// Reads a file.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - header: whether the first line has the columns' names; without it they are `column0`, `column1`, ...
    ///   - separator: what stands between fields: one ASCII character.
    ///   - missing: texts that stand for nothing, besides blanks: `["?", "NA"]`.
    ///   - kinds: the kinds that columns must have, by name; of the others the cells decide.
    /// - Throws: `TableError`: the file cannot be read; the line where a row has more or fewer fields than the first; the line and
    ///   column where quotes are out of place, text is not UTF-8, or a cell is not of the kind demanded.
    public init(
        contentsOf path: String, header: Bool = true, separator: Character = ",", missing: Set<String> = [],
        kinds: [String: TableColumn.Kind] = [:]
    ) throws(TableError) {
        let format = CSVFormat(header: header, separator: separator, missing: missing, kinds: kinds)
        let file: MappedFile
        do { file = try MappedFile(path) } catch { throw TableError(error) }
        let contents = try file.withBytes { (bytes) throws(TableError) in
            try CSVReader.read(bytes, format, file: path)
        }
        self.init(name: path, columns: contents.columns, lines: contents.lines, hasHeader: header)
    }

    /// Reads text that is in memory already; parameters and errors are those of `init(contentsOf:)`.
    public init(
        text: String, name: String = "table", header: Bool = true, separator: Character = ",",
        missing: Set<String> = [], kinds: [String: TableColumn.Kind] = [:]
    ) throws(TableError) {
        let format = CSVFormat(header: header, separator: separator, missing: missing, kinds: kinds)
        let contents = try Array(text.utf8).withUnsafeBufferPointer { (bytes) throws(TableError) in
            try CSVReader.read(UnsafeRawBufferPointer(bytes), format, file: name)
        }
        self.init(name: name, columns: contents.columns, lines: contents.lines, hasHeader: header)
    }

    init(name: String, columns: [TableColumn], lines: [UInt32], hasHeader: Bool) {
        (self.name, self.columns, self.lines, self.hasHeader) = (name, columns, lines, hasHeader)
        rowCount = lines.count
    }

    /// How many columns there are.
    public var columnCount: Int { columns.count }
    /// The columns' names, in their order.
    public var columnNames: [String] { columns.map(\.name) }

    /// The column of a name, or at a place; stops where there is none, for which `column(_:)` throws.
    public subscript(selector: some ColumnSelector) -> TableColumn {
        do { return try column(selector) } catch { stop("CSVTable: \(error)") }
    }

    /// The column of a name, or at a place.
    ///
    /// - Throws: `TableError` that names the columns there are.
    public func column(_ selector: some ColumnSelector) throws(TableError) -> TableColumn {
        columns[try place(of: selector)]
    }

    /// The table without some columns.
    public func dropping(_ columns: [any ColumnSelector]) throws(TableError) -> CSVTable {
        let dropped = try places(of: columns)
        return replacing(self.columns.indices.filter { !dropped.contains($0) }.map { self.columns[$0] })
    }

    /// The rows at these places, in that order.
    public func rows(_ rows: [Int]) -> CSVTable {
        if let wrong = rows.first(where: { !(0..<rowCount).contains($0) }) {
            stop("CSVTable.rows: row \(wrong) is outside the table's 0..<\(rowCount)")
        }
        return CSVTable(
            name: name, columns: columns.map { $0.picking(rows) }, lines: rows.map { lines[$0] }, hasHeader: hasHeader)
    }

    /// A row's line in the file, from 1.
    public func line(of row: Int) -> Int { Int(lines[row]) }

    func replacing(_ columns: [TableColumn]) -> CSVTable {
        CSVTable(name: name, columns: columns, lines: lines, hasHeader: hasHeader)
    }

    func place(of selector: any ColumnSelector) throws(TableError) -> Int {
        guard let place = selector.place(among: columnNames) else {
            throw TableError(
                file: name, column: "\(selector)", expected: "one of \(columnNames.joined(separator: ", "))",
                found: "no such column")
        }
        return place
    }

    /// The places of several columns.
    ///
    /// - Throws: `TableError` where one is not there.
    public func places(of selectors: [any ColumnSelector]) throws(TableError) -> Set<Int> {
        var places: Set<Int> = []
        for selector in selectors { places.insert(try place(of: selector)) }
        return places
    }

    /// The error of a column of text where numbers were wanted: it is the first cell's that is no number.
    ///
    /// - Parameter remedy: what can be done about it.
    package func notNumbers(_ column: TableColumn, _ remedy: String? = nil) -> TableError {
        let expected = "a number" + (remedy.map { " (\($0))" } ?? "")
        let row = column.texts.firstIndex { text in text.map { !isNumber($0) } ?? false }
        // Where all are numbers the column was read as text for the sake of rows that are not here.
        guard let row = row ?? column.texts.firstIndex(where: { $0 != nil }) else {
            return TableError(file: name, column: column.name, expected: expected, found: "text")
        }
        return error(row, column, expected: expected)
    }

    /// The error of a row's cell.
    func error(_ row: Int, _ column: TableColumn, expected: String) -> TableError {
        let found = column.texts[row].map { "\"\($0)\"" } ?? "a blank"
        return TableError(file: name, line: Int(lines[row]), column: column.name, expected: expected, found: found)
    }
}
