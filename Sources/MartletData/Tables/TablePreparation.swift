import MartletTensor

/// What is done to a table's rows before a network sees them, learnt from the training rows alone: which columns are inputs,
/// what stands in for missing cells, and how categories become numbers.
///
///     let parts = table.split([0.8, 0.2], seed: 1)
///     let preparation = try TablePreparation(
///         learningFrom: parts[0], target: "median_house_value", oneHot: ["ocean_proximity"], filling: [.median])
///     let (train, test) = (try preparation.dataset(of: parts[0]), try preparation.dataset(of: parts[1]))
///     let x = try preparation.matrix(of: preparation.table(contentsOf: "new.csv"))
///
/// A preparation is a value that can be saved and compared. Tables that it is used on later are read by the columns' names, in
/// whatever order and with whatever other columns; tables without names by the columns' places.
///
/// Unknown categories are treated as scikit-learn's `handle_unknown` has it.
public struct TablePreparation: Codable, Hashable, Sendable {
    /// How a column becomes numbers.
    public enum Encoding: String, Codable, Sendable, Hashable {
        /// Its own numbers.
        case number
        /// A column of 0 and 1 for each category.
        case oneHot
        /// The place of a cell's category.
        case ordinal
    }

    /// What becomes of a category that no training row had.
    public enum UnknownCategory: String, Codable, Sendable, Hashable, CaseIterable {
        /// An error with its line.
        case error
        /// Zeros in one-hot columns, -1 as a place.
        case ignore
    }

    /// A column that is an input.
    public struct Input: Codable, Hashable, Sendable {
        /// The column's name.
        public let name: String
        /// Its place among the training rows' columns, from 0.
        public let place: Int
        /// How it becomes numbers.
        public let encoding: Encoding
        /// The training rows' categories in their order; empty for numbers.
        public let categories: [String]
        /// What a missing number becomes; nil leaves NaN.
        public let number: Double?
        /// What a missing category becomes; nil makes it an error.
        public let category: String?
        /// Whether the training rows' cells were text.
        let isText: Bool
    }

    /// The inputs, in the order of the table.
    public let inputs: [Input]
    /// What is to be predicted.
    public let target: TableTarget
    /// What becomes of a category that no training row had.
    public let unknown: UnknownCategory
    /// The columns of the training rows where they had no names; nil where they had.
    let unnamedCount: Int?

    /// What training rows teach.
    ///
    /// - Parameters:
    ///   - table: the training rows.
    ///   - target: the column to predict, by name or place.
    ///   - kind: whether its values are classes or numbers.
    ///   - oneHot: columns to encode as one column a category.
    ///   - ordinal: columns to encode as a category's place, in the order of numbers or of text.
    ///   - dropping: columns to leave out.
    ///   - filling: what missing cells become, in each column the first that is for its kind; a column for which there is none
    ///     keeps its gaps. `[.median, .text("unknown")]` fills numbers with the median and text with a word. In a column of
    ///     numbers that is encoded the mean and the median are the most frequent number: another would be a category of nobody's.
    ///   - unknown: what becomes of a category that no training row had.
    /// - Throws: `TableError` with line and column: a column of text that is neither encoded nor left out; one to be filled
    ///   without a single value; a column that does not exist.
    public init(
        learningFrom table: CSVTable, target: some ColumnSelector, as kind: TargetKind = .automatic,
        oneHot: [any ColumnSelector] = [], ordinal: [any ColumnSelector] = [], dropping: [any ColumnSelector] = [],
        filling: [MissingFill] = [], unknown: UnknownCategory = .error
    ) throws(TableError) {
        try self.init(
            learningFrom: table, target: TableTarget(of: table, target, as: kind), oneHot: oneHot, ordinal: ordinal,
            dropping: dropping, filling: filling, unknown: unknown)
    }

    /// What training rows teach about a target whose classes are known, of rows that are held out too.
    public init(
        learningFrom table: CSVTable, target: TableTarget, oneHot: [any ColumnSelector] = [],
        ordinal: [any ColumnSelector] = [], dropping: [any ColumnSelector] = [], filling: [MissingFill] = [],
        unknown: UnknownCategory = .error
    ) throws(TableError) {
        guard table.rowCount > 0 else { throw TableError(file: table.name, expected: "a row at least", found: "none") }
        let (hot, ordered) = (try table.places(of: oneHot), try table.places(of: ordinal))
        let dropped = try table.places(of: dropping)
        let place = target.place
        guard !hot.union(ordered).union(dropped).contains(place) else {
            throw TableError(
                file: table.name, column: target.name, expected: "a target", found: "a column to encode or leave out")
        }
        var inputs: [Input] = []
        for (index, column) in table.columns.enumerated() where index != place && !dropped.contains(index) {
            let encoding: Encoding = hot.contains(index) ? .oneHot : ordered.contains(index) ? .ordinal : .number
            inputs.append(try Self.input(column, at: index, encoding, filling, of: table))
        }
        guard !inputs.isEmpty else {
            throw TableError(file: table.name, expected: "a column besides the target", found: "none")
        }
        (self.inputs, self.target, self.unknown) = (inputs, target, unknown)
        unnamedCount = table.hasHeader ? nil : table.columnCount
    }

    private static func input(
        _ column: TableColumn, at place: Int, _ encoding: Encoding, _ filling: [MissingFill], of table: CSVTable
    ) throws(TableError) -> Input {
        if encoding == .number, column.kind == .text {
            throw table.notNumbers(
                column, "name the column in oneHot, ordinal or dropping, or its mark of missing cells in missing")
        }
        var (number, category) = (Double?.none, String?.none)
        if let fill = filling.first(where: { $0.isFor(column.kind) }) {
            let present = column.numbers?.filter { !$0.isNaN }
            if encoding == .number {
                number = present.flatMap { fill.number(for: $0) }
            } else if let present {
                category = fill.forCategories.number(for: present).map(text(of:))
            } else {
                category = fill.text(for: column.texts.compactMap { $0 })
            }
            guard number?.isFinite ?? (category != nil) else {
                throw TableError(
                    file: table.name, column: column.name, expected: "a value to fill missing cells with",
                    found: number.map { "\($0)" } ?? "no training row that has one")
            }
        }
        return Input(
            name: column.name, place: place, encoding: encoding,
            categories: encoding == .number ? [] : column.filled(with: category).categories, number: number,
            category: category, isText: column.kind == .text)
    }

    /// What each element of a row's inputs is: a column's name, or `ocean_proximity=INLAND`.
    public var inputNames: [String] {
        inputs.flatMap { input in
            input.encoding == .oneHot ? input.categories.map { "\(input.name)=\($0)" } : [input.name]
        }
    }
}

extension TablePreparation {
    /// The saved form as JSON text; every number reads back as it was, bit by bit.
    public var json: String { savedText(self) }

    /// A preparation from JSON text.
    ///
    /// - Parameters:
    ///   - json: what `json` gave.
    ///   - name: where the text comes from, such as a file, for errors.
    /// - Throws: `DataError` with the field and what is wrong with it.
    public init(json: String, name: String = "preparation") throws(DataError) {
        self = try savedValue(json, name: name, what: "a table's preparation")
    }
}

extension TableColumn {
    /// The column with a category, or a number as it is written, in the place of missing cells; nil leaves them.
    fileprivate func filled(with category: String?) -> TableColumn {
        guard let category, missingCount > 0 else { return self }
        if let numbers {
            let number = Double(category) ?? .nan
            return TableColumn(name: name, numbers.map { $0.isNaN ? number : $0 })
        }
        return TableColumn(name: name, texts.map { $0 ?? category })
    }
}
