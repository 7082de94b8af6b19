extension CSVTable: CustomStringConvertible {
    /// A line for the table and one for each column: its kind, what its cells are, and how many are missing.
    ///
    ///     housing.csv: 20640 rows, 10 columns
    ///     longitude        number  -124.35 to -114.31
    ///     total_bedrooms   number  1 to 6445, 207 missing
    ///     ocean_proximity  text    5 values: <1H OCEAN, INLAND, ISLAND, ...
    public var description: String {
        let width = columns.map(\.name.count).max() ?? 0
        let lines = columns.map { column in
            let name = column.name.padded(to: width)
            let missing = column.missingCount == 0 ? "" : ", \(column.missingCount) missing"
            return "\(name)  \(column.kind.rawValue.padded(to: 7))  \(column.overview)\(missing)"
        }
        let counts = "\(rowCount) row\(rowCount == 1 ? "" : "s"), \(columnCount) column\(columnCount == 1 ? "" : "s")"
        return (["\(name): \(counts)"] + lines).joined(separator: "\n")
    }
}

extension TableColumn {
    /// From where to where numbers reach; how many texts there are, and the first ones.
    fileprivate var overview: String {
        guard case .numbers(let numbers) = cells else {
            let found = categories
            let first = found.prefix(3).joined(separator: ", ") + (found.count > 3 ? ", ..." : "")
            return "\(found.count) value\(found.count == 1 ? "" : "s"): \(first)"
        }
        let present = numbers.filter { !$0.isNaN }
        guard let low = present.min(), let high = present.max() else { return "no values" }
        return "\(text(of: low)) to \(text(of: high))"
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
