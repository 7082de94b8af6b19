/// What a missing cell becomes.
public enum MissingFill: Sendable, Hashable {
    /// The mean of the column's numbers.
    case mean
    /// The median of the column's numbers.
    case median
    /// The value that occurs most often; of several the first in order.
    case mostFrequent
    /// This number, in columns of numbers.
    case constant(Double)
    /// This text, in columns of text.
    case text(String)
}

extension CSVTable {
    /// The rows in which nothing is missing.
    public func dropMissing() -> CSVTable { droppingRows(where: columns) }

    /// The rows in which nothing is missing in some columns.
    public func dropMissing(columns: [any ColumnSelector]) throws(TableError) -> CSVTable {
        droppingRows(where: try places(of: columns).map { self.columns[$0] })
    }

    private func droppingRows(where columns: [TableColumn]) -> CSVTable {
        let gappy = columns.filter { $0.missingCount > 0 }
        guard !gappy.isEmpty else { return self }
        return rows((0..<rowCount).filter { row in gappy.allSatisfy { !$0.isMissing(at: row) } })
    }

    /// Puts something in the place of missing cells.
    ///
    /// Mean, median and the most frequent value are those of this table. What a test set is filled with must be the training
    /// set's: `TablePreparation` learns that from the one and puts it into both.
    ///
    /// - Parameters:
    ///   - fill: what to put there.
    ///   - columns: where; without it, in each column of the kind that `fill` is for.
    /// - Throws: `TableError` with the column: it is named and of another kind, or has no value to take a mean of.
    public func fillMissing(
        _ fill: MissingFill, columns: [any ColumnSelector]? = nil
    ) throws(TableError) -> CSVTable {
        var chosen: Set<Int>?
        if let columns { chosen = try places(of: columns) }
        var filled: [TableColumn] = []
        for (place, column) in self.columns.enumerated() {
            let isChosen = chosen?.contains(place) ?? fill.isFor(column.kind)
            filled.append(isChosen ? try self.filled(column, fill) : column)
        }
        return replacing(filled)
    }

    private func filled(_ column: TableColumn, _ fill: MissingFill) throws(TableError) -> TableColumn {
        guard fill.isFor(column.kind) else {
            throw TableError(
                file: name, column: column.name,
                expected: column.kind == .text ? "numbers to fill with \(fill)" : "text to fill with \(fill)",
                found: column.kind == .text ? "text" : "numbers")
        }
        guard column.missingCount > 0 else { return column }
        switch column.cells {
        case .numbers(let numbers):
            guard let value = fill.number(for: numbers.filter { !$0.isNaN }) else { throw noValue(column) }
            return TableColumn(name: column.name, numbers.map { $0.isNaN ? value : $0 })
        case .texts(let texts):
            guard let value = fill.text(for: texts.compactMap { $0 }) else { throw noValue(column) }
            return TableColumn(name: column.name, texts.map { $0 ?? value })
        }
    }

    private func noValue(_ column: TableColumn) -> TableError {
        TableError(file: name, column: column.name, expected: "a value to fill with", found: "no cell that has one")
    }
}

extension MissingFill {
    /// Whether this can stand in columns of a kind.
    func isFor(_ kind: TableColumn.Kind) -> Bool {
        switch self {
        case .mean, .median, .constant: kind != .text
        case .text: kind == .text
        case .mostFrequent: true
        }
    }

    /// The same where numbers are categories: one of them.
    var forCategories: MissingFill {
        switch self {
        case .mean, .median: .mostFrequent
        case .mostFrequent, .constant, .text: self
        }
    }

    /// What stands for these numbers; nil where there are none to tell.
    func number(for numbers: [Double]) -> Double? {
        switch self {
        case .constant(let number): return number
        case .text: return nil
        case .mostFrequent: return mostFrequent(numbers)
        case .mean: return numbers.isEmpty ? nil : numbers.reduce(0, +) / Double(numbers.count)
        case .median:
            guard !numbers.isEmpty else { return nil }
            let sorted = numbers.sorted()
            return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
        }
    }

    /// What stands for these texts; nil where there are none to tell.
    func text(for texts: [String]) -> String? {
        if case .text(let text) = self { return text }
        return mostFrequent(texts)
    }

    private func mostFrequent<Value: Hashable & Comparable>(_ values: [Value]) -> Value? {
        let counts = Dictionary(values.map { ($0, 1) }, uniquingKeysWith: +)
        return counts.min { ($1.value, $0.key) < ($0.value, $1.key) }?.key
    }
}
