import MartletTensor

/// Reads a table's text into columns.
///
/// Cells are taken for numbers until one is none; a column that turns out to be text after numbers were seen is read again, so
/// that a text is read twice at most.
struct CSVReader {
    typealias Byte = UnsafePointer<UInt8>
    /// The columns, and each row's line.
    typealias Contents = (columns: [TableColumn], lines: [UInt32])

    private let file: String
    private let format: CSVFormat
    private let bytes: UnsafeBufferPointer<UInt8>
    private var names: [String] = []

    static func read(_ bytes: UnsafeRawBufferPointer, _ format: CSVFormat, file: String) throws(TableError) -> Contents
    {
        var reader = CSVReader(bytes.bindMemory(to: UInt8.self), format, file: file)
        return try reader.contents()
    }

    private init(_ bytes: UnsafeBufferPointer<UInt8>, _ format: CSVFormat, file: String) {
        (self.bytes, self.format, self.file) = (bytes, format, file)
    }

    private mutating func contents() throws(TableError) -> Contents {
        guard let start = bytes.baseAddress else {
            throw TableError(file: file, line: 1, expected: "a table's first line", found: "nothing")
        }
        var cursor = CSVCursor(format, bytes, start)
        names = try firstLine(&cursor)
        try checkNames()
        var builders = names.map { ColumnBuilder(name: $0, demanded: format.kinds[$0]) }
        let body = cursor
        let lines = try rows(cursor, &builders)
        guard builders.contains(where: \.needsReading) else { return (builders.map(\.column), lines) }
        var again = builders.map { $0.again() }
        _ = try rows(body, &again)
        return (zip(builders, again).map { $0.needsReading ? $1.column : $0.column }, lines)
    }

    /// The columns' names, of the header or by number; afterwards the cursor is at the first row.
    private func firstLine(_ cursor: inout CSVCursor) throws(TableError) -> [String] {
        cursor.skipBlankLines()
        let (before, line) = (cursor, cursor.line)
        guard !cursor.isAtEnd else {
            throw TableError(file: file, line: line, expected: "a table's first line", found: "nothing")
        }
        var names: [String] = []
        var end = FieldEnd.separator
        while end == .separator {
            let field = try content(&cursor, column: "\(names.count)")
            let text = try text(field, line: line, column: "\(names.count)").trimmingSpaces
            names.append(format.header && !text.isEmpty ? text : "column\(names.count)")
            end = cursor.endField()
        }
        if !format.header { cursor = before }
        return names
    }

    private func checkNames() throws(TableError) {
        var seen: Set<String> = []
        for name in names where !seen.insert(name).inserted {
            throw TableError(file: file, line: 1, column: name, expected: "a name for each column", found: "it twice")
        }
        if let unknown = format.kinds.keys.sorted().first(where: { !seen.contains($0) }) {
            throw TableError(
                file: file, column: unknown, expected: "one of \(names.joined(separator: ", "))",
                found: "no such column")
        }
    }

    /// Reads all rows from a cursor on; gives each row's line.
    private func rows(
        _ start: CSVCursor, _ builders: inout [ColumnBuilder]
    ) throws(TableError) -> [UInt32] {
        var cursor = start
        var lines: [UInt32] = []
        cursor.skipBlankLines()
        while !cursor.isAtEnd {
            lines.append(UInt32(truncatingIfNeeded: cursor.line))
            try row(&cursor, &builders)
            cursor.skipBlankLines()
        }
        return lines
    }

    private func row(_ cursor: inout CSVCursor, _ builders: inout [ColumnBuilder]) throws(TableError) {
        let line = cursor.line
        for column in builders.indices {
            if !readNumber(&cursor, &builders[column]) { try readCell(&cursor, &builders[column]) }
            let end = cursor.endField()
            guard (end == .line) == (column == builders.count - 1) else {
                throw unequalRow(&cursor, line: line, read: column + 1, end)
            }
        }
    }

    /// Takes an ordinary number into a column of numbers: what most cells of most tables are.
    @inline(__always)
    private func readNumber(_ cursor: inout CSVCursor, _ builder: inout ColumnBuilder) -> Bool {
        guard !builder.isText, !builder.isSkipped, let reading = DecimalNumber.read(cursor.place, cursor.end),
            cursor.isEnd(reading.next)
        else { return false }
        cursor.place = reading.next
        builder.take(reading.value, isInteger: reading.isInteger)
        return true
    }

    /// Takes any cell: quoted, blank, with spaces around, or text.
    private func readCell(_ cursor: inout CSVCursor, _ builder: inout ColumnBuilder) throws(TableError) {
        let line = cursor.line
        let field = try content(&cursor, column: builder.name)
        guard !builder.isSkipped else { return }
        let trimmed = field.trimmed
        let isMissing = trimmed.isEmpty || (!format.missing.isEmpty && format.missing.contains(Array(trimmed)))
        if !builder.isText {
            if isMissing {
                builder.numbers.append(.nan)
                return
            }
            if let reading = DecimalNumber.whole(trimmed) {
                builder.take(reading.value, isInteger: reading.isInteger)
                return
            }
            guard builder.demanded == nil else {
                let found = try text(field, line: line, column: builder.name)
                throw TableError(
                    file: file, line: line, column: builder.name, expected: "a number", found: "\"\(found)\"")
            }
            builder.becomeText()
            if builder.isSkipped { return }
        }
        builder.texts.append(isMissing ? nil : try text(field, line: line, column: builder.name))
    }

    private func content(_ cursor: inout CSVCursor, column: String) throws(TableError) -> CSVField {
        do {
            return try cursor.field()
        } catch {
            throw TableError(file: file, line: error.line, column: column, expected: error.expected, found: error.found)
        }
    }

    private func text(_ field: CSVField, line: Int, column: String) throws(TableError) -> String {
        guard let text = field.text else {
            throw TableError(
                file: file, line: line, column: column, expected: "text in UTF-8", found: "bytes that are none")
        }
        return text
    }

    /// Why a row is not as long as the others: counts its fields to its end.
    private func unequalRow(_ cursor: inout CSVCursor, line: Int, read: Int, _ last: FieldEnd) -> TableError {
        var (count, end) = (read, last)
        while end == .separator, (try? content(&cursor, column: "")) != nil {
            count += 1
            end = cursor.endField()
        }
        return TableError(
            file: file, line: line, expected: "\(names.count) field\(names.count == 1 ? "" : "s")", found: "\(count)")
    }
}

extension String {
    /// The text without spaces at both ends.
    var trimmingSpaces: String {
        String(drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }
}
