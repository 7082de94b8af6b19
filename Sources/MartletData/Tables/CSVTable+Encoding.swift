extension CSVTable {
    /// The table with each of some columns as several: one for each category, 1 in the rows that have it and else 0.
    ///
    /// The columns stand in the place of the one they come from, under names such as `ocean_proximity=INLAND`.
    ///
    /// - Parameters:
    ///   - columns: which to encode; a column of numbers has a category for each number.
    ///   - categories: the categories of columns, by name, in the order wanted; those of a training set, so that another table
    ///     gets the same columns. Without it, the categories that occur, in their order.
    /// - Throws: `TableError` with line and column where a cell is missing or is none of the categories given.
    public func oneHot(
        _ columns: [any ColumnSelector], categories: [String: [String]] = [:]
    ) throws(TableError) -> CSVTable {
        let encoded = try places(of: columns)
        var result: [TableColumn] = []
        for (place, column) in self.columns.enumerated() {
            guard encoded.contains(place) else {
                result.append(column)
                continue
            }
            let categories = categories[column.name] ?? column.categories
            let codes = try codes(of: column, categories)
            for (code, category) in categories.enumerated() {
                result.append(
                    TableColumn(name: "\(column.name)=\(category)", codes.map { $0 == code ? 1 : 0 }, kind: .integer))
            }
        }
        return replacing(result)
    }

    /// The table with each of some columns as numbers: 0 for the first category, 1 for the next.
    ///
    /// - Parameters:
    ///   - columns: which to encode.
    ///   - categories: the categories of columns, by name, in their order: `["size": ["small", "medium", "large"]]`. Without it,
    ///     the categories that occur, in the order of numbers or of text.
    /// - Throws: `TableError` with line and column where a cell is missing or is none of the categories given.
    public func ordinal(
        _ columns: [any ColumnSelector], categories: [String: [String]] = [:]
    ) throws(TableError) -> CSVTable {
        var result = self.columns
        for place in try places(of: columns) {
            let column = result[place]
            let codes = try codes(of: column, categories[column.name] ?? column.categories)
            result[place] = TableColumn(name: column.name, codes.map { Double($0) }, kind: .integer)
        }
        return replacing(result)
    }

    /// Each cell's place among the categories.
    func codes(of column: TableColumn, _ categories: [String]) throws(TableError) -> [Int] {
        let places = Dictionary(categories.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        let texts = column.texts
        var codes: [Int] = []
        codes.reserveCapacity(texts.count)
        for (row, text) in texts.enumerated() {
            guard let code = text.flatMap({ places[$0] }) else {
                let expected =
                    text == nil
                    ? "a category (rows with gaps can be dropped or filled)"
                    : "one of the categories \(categories.prefix(8).joined(separator: ", "))"
                throw error(row, column, expected: expected)
            }
            codes.append(code)
        }
        return codes
    }
}
