import MartletTensor

/// How a table's text is to be read.
struct CSVFormat: Sendable {
    /// Whether the first line has the columns' names.
    var header = true
    /// The byte between fields.
    var separator = UInt8(ascii: ",")
    /// The texts that stand for nothing, besides blanks.
    var missing: Set<[UInt8]> = []
    /// The kinds that the caller demands, by the column's name.
    var kinds: [String: TableColumn.Kind] = [:]

    init(header: Bool, separator: Character, missing: Set<String>, kinds: [String: TableColumn.Kind]) {
        guard let byte = separator.asciiValue, separator != "\"", !separator.isNewline else {
            stop("CSVTable: the separator is \(separator.debugDescription); it must be one ASCII character, no quote")
        }
        self.header = header
        self.separator = byte
        self.missing = Set(missing.map { Array($0.utf8) })
        self.kinds = kinds
    }
}
