import MartletGraph
import MartletTensor

extension TablePreparation {
    /// Reads a file so that its cells mean what the training rows' cells meant: a column that was text is read as text, whatever
    /// stands in it. Parameters are those of `CSVTable`.
    ///
    /// - Throws: `TableError`: what `CSVTable` throws; the line where a column of numbers has something else.
    public func table(
        contentsOf path: String, header: Bool = true, separator: Character = ",", missing: Set<String> = []
    ) throws(TableError) -> CSVTable {
        let table = try CSVTable(contentsOf: path, header: header, separator: separator, missing: missing)
        let places = try places(in: table)
        var kinds: [String: TableColumn.Kind] = [:]
        for (input, place) in zip(inputs, places) where input.isText != (table.columns[place].kind == .text) {
            kinds[table.columns[place].name] = input.isText ? .text : .number
        }
        if kinds.isEmpty { return table }
        return try CSVTable(contentsOf: path, header: header, separator: separator, missing: missing, kinds: kinds)
    }

    /// A table's rows as the network reads them. Columns are found by their names, whatever others there are; in a table without
    /// names by their places, the target there or not.
    ///
    /// ## Shapes
    /// `[rows, elements of inputNames]`.
    ///
    /// - Throws: `TableError`: with the nearest name where a column is not there; with line and column where a cell is no
    ///   number, a category is missing that nothing stands in for, or no training row had it.
    public func matrix(of table: CSVTable, dtype: DataType = .float32) throws(TableError) -> Tensor {
        guard dtype == .float32 || dtype == .float64 else {
            stop("TablePreparation.matrix: dtype must be float32 or float64, it is \(dtype)")
        }
        var numbers: [[Double]] = []
        for (input, place) in zip(inputs, try places(in: table)) {
            numbers += try self.numbers(table.columns[place], input, table)
        }
        let width = numbers.count
        var elements = [Double](repeating: 0, count: table.rowCount * width)
        for (column, own) in numbers.enumerated() {
            for row in own.indices { elements[row * width + column] = own[row] }
        }
        return Tensor(elements, shape: [table.rowCount, width], dtype: dtype)
    }

    /// A table's rows as samples: what the network reads, and the label.
    ///
    /// - Throws: `TableError`: what ``matrix(of:dtype:)`` throws; with line and column where a label is missing or none of the
    ///   classes.
    public func dataset(of table: CSVTable, dtype: DataType = .float32) throws(TableError) -> TableDataset {
        guard table.rowCount > 0 else { throw TableError(file: table.name, expected: "a row at least", found: "none") }
        let (inputs, labels) = (try matrix(of: table, dtype: dtype), try target.labels(of: table, dtype: dtype))
        do {
            return TableDataset(
                records: try Records(
                    inputs: inputs, labels: labels, classCount: target.isClass ? target.classNames.count : nil,
                    name: table.name),
                featureNames: inputNames, targetName: target.name, classNames: target.classNames)
        } catch {
            throw TableError(file: table.name, expected: "records", found: "\(error)")
        }
    }

    /// The rows of a table in which no cell is missing but those that something stands in for.
    ///
    /// - Throws: `TableError` where a column is not there.
    public func completeRows(of table: CSVTable) throws(TableError) -> [Int] {
        let gappy = zip(inputs, try places(in: table)).filter { input, place in
            input.number == nil && input.category == nil && table.columns[place].missingCount > 0
        }
        guard !gappy.isEmpty else { return Array(0..<table.rowCount) }
        return (0..<table.rowCount).filter { row in gappy.allSatisfy { !table.columns[$0.1].isMissing(at: row) } }
    }

    /// Where a table has the inputs.
    private func places(in table: CSVTable) throws(TableError) -> [Int] {
        if let unnamedCount, !table.hasHeader {
            switch table.columnCount {
            case unnamedCount: return inputs.map(\.place)
            case unnamedCount - 1: return inputs.map { $0.place > target.place ? $0.place - 1 : $0.place }
            default:
                throw TableError(
                    file: table.name, expected: "\(unnamedCount) columns, or \(unnamedCount - 1) without the target",
                    found: "\(table.columnCount)")
            }
        }
        var places: [Int] = []
        for input in inputs {
            guard let place = input.name.place(among: table.columnNames) else {
                let nearest = NearestName.find(input.name, among: table.columnNames)
                throw TableError(
                    file: table.name, column: input.name,
                    expected: "each of the columns \(inputs.map(\.name).joined(separator: ", "))",
                    found: "no such column" + (nearest.map { "; did you mean \($0)?" } ?? ""))
            }
            places.append(place)
        }
        return places
    }

    /// The columns that a column becomes.
    private func numbers(
        _ column: TableColumn, _ input: Input, _ table: CSVTable
    ) throws(TableError) -> [[Double]] {
        guard input.encoding != .number else {
            // A column without a single cell may have been read as either kind.
            let own =
                column.numbers ?? (column.missingCount == column.count ? column.texts.map { _ in Double.nan } : nil)
            guard let own else { throw table.notNumbers(column) }
            guard let fill = input.number, column.missingCount > 0 else { return [own] }
            return [own.map { $0.isNaN ? fill : $0 }]
        }
        let codes = try table.codes(of: column, input.categories, filling: input.category, unknown: unknown)
        guard input.encoding == .oneHot else { return [codes.map { Double($0 ?? -1) }] }
        return input.categories.indices.map { category in codes.map { $0 == category ? 1 : 0 } }
    }
}

extension CSVTable {
    /// Each cell's place among the categories; nil where it is none of them and such are passed over.
    fileprivate func codes(
        of column: TableColumn, _ categories: [String], filling fill: String?,
        unknown: TablePreparation.UnknownCategory
    ) throws(TableError) -> [Int?] {
        let places = Dictionary(categories.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        var codes: [Int?] = []
        codes.reserveCapacity(column.count)
        for (row, text) in column.texts.enumerated() {
            guard let category = text ?? fill else {
                throw error(row, column, expected: "a category (rows with gaps can be dropped or filled)")
            }
            let code = places[category]
            guard code != nil || unknown == .ignore else {
                throw error(
                    row, column,
                    expected: "one of the categories of the training rows: "
                        + "\(categories.prefix(8).joined(separator: ", ")) (or ignore unknown ones)")
            }
            codes.append(code)
        }
        return codes
    }

    /// The rows dealt at random into parts of these shares; the same seed gives the same parts.
    ///
    ///     let parts = table.split([0.7, 0.15, 0.15], seed: 1)
    ///
    /// Stops where the shares are below 0 or add up to more than 1.
    public func split(_ shares: [Double], seed: UInt64) -> [CSVTable] {
        var random = RandomStream(seed: seed)
        let order = random.permutation(of: rowCount).map { Int($0) }
        var start = 0
        return partCounts(of: rowCount, shares, operation: "CSVTable.split").map { count in
            defer { start += count }
            return rows(Array(order[start..<start + count]))
        }
    }
}
