import MartletData
import MartletFiles

/// A table of a recipe.
///
///     data: {kind: csv, file: housing.csv, target: median_house_value, one_hot: [ocean_proximity], missing: drop}
///
/// What stands in for missing cells, and the categories, are those of the training part alone.
struct TableRecipe: Sendable {
    private let file: String
    private let hasHeader: Bool
    private let separator: Character
    private let marks: Set<String>
    private let missing: Missing
    private let unknown: TablePreparation.UnknownCategory
    private let target: String
    private let targetKind: TargetKind
    private let oneHot: [String], ordinal: [String], dropped: [String]

    /// What becomes of missing cells.
    enum Missing: String, CaseIterable {
        case drop, mean, median, keep
        case mostFrequent = "most_frequent"

        /// What is learnt of the training rows to stand in for missing cells: categories have neither mean nor median.
        var fills: [MissingFill] {
            switch self {
            case .mean: [.mean, .mostFrequent]
            case .median: [.median, .mostFrequent]
            case .mostFrequent: [.mostFrequent]
            case .drop, .keep: []
            }
        }
    }

    init(_ map: RecipeMap) throws {
        file = try map.text("file")
        hasHeader = try map.flag("header", default: true)
        let text = try map.text("separator", default: ",")
        guard let first = text.first, text.count == 1, first.isASCII, first != "\"", !first.isNewline
        else {
            throw map.error(
                "separator", "one ASCII character other than a quote or an end of line", map.value("separator"))
        }
        separator = first
        marks = Set(try map.texts("missing_marks"))
        missing = try map.choice("missing", default: .drop)
        unknown = try map.choice("unknown", default: .error)
        target = try map.text("target")
        let kind = try map.name(
            "target_kind", among: ["automatic", "classes", "numbers"], default: "automatic")
        targetKind = kind == "classes" ? .classes : kind == "numbers" ? .numbers : .automatic
        (oneHot, ordinal) = (try map.texts("one_hot"), try map.texts("ordinal"))
        dropped = try map.texts("drop")
    }

    /// Whether rows with missing cells are left out, as they are of training.
    var dropsIncomplete: Bool { missing == .drop }

    /// The rows that can be learnt from and judged by, and their target.
    ///
    /// - Throws: `TableError` with file, line and column.
    func read() throws(TableError) -> (table: CSVTable, target: TableTarget) {
        let whole = try CSVTable(contentsOf: file, header: hasHeader, separator: separator, missing: marks)
        try check(whole)
        // A label is never made up, and columns that nobody reads cost no rows.
        var table = try whole.dropMissing(columns: [selector(target)])
        if dropsIncomplete {
            let unread = try table.places(of: dropped.map(selector))
            table = try table.dropMissing(columns: table.columns.indices.filter { !unread.contains($0) })
        }
        return (table, try TableTarget(of: table, selector(target), as: targetKind))
    }

    /// Throws for text where numbers are wanted. The cell to blame may stand in any row, and so all are looked at before some
    /// are left out or dealt into parts.
    private func check(_ table: CSVTable) throws(TableError) {
        let encoded = try table.places(of: (oneHot + ordinal + dropped).map(selector))
        let place = try table.places(of: [selector(target)])
        for (index, column) in table.columns.enumerated() where column.kind == .text && !encoded.contains(index) {
            if !place.contains(index) {
                throw table.notNumbers(
                    column, "name the column in one_hot, ordinal or drop, or what stands for nothing in missing_marks")
            }
            if targetKind == .numbers {
                throw table.notNumbers(column, "name what stands for nothing in missing_marks")
            }
            if targetKind == .automatic, column.isMostlyNumbers {
                throw table.notNumbers(
                    column, "name what stands for nothing in missing_marks, or say target_kind: classes")
            }
        }
    }

    /// What training rows teach of missing cells and categories.
    func preparation(learningFrom rows: CSVTable, _ target: TableTarget) throws(TableError) -> TablePreparation {
        try TablePreparation(
            learningFrom: rows, target: target, oneHot: oneHot.map(selector), ordinal: ordinal.map(selector),
            dropping: dropped.map(selector), filling: missing.fills, unknown: unknown)
    }

    /// Reads another table to apply a preparation to.
    func read(_ path: String, for preparation: TablePreparation) throws(TableError) -> CSVTable {
        try preparation.table(contentsOf: path, header: hasHeader, separator: separator, missing: marks)
    }

    private func selector(_ name: String) -> Column { Column(name: name, hasHeader: hasHeader) }

    /// A column by its name, or in a table without names by its place, counted from 0.
    private struct Column: ColumnSelector, CustomStringConvertible {
        let name: String
        let hasHeader: Bool

        func place(among names: [String]) -> Int? {
            if !hasHeader, let place = Int(name) { return place.place(among: names) }
            return names.firstIndex(of: name)
        }

        var description: String { name }
    }
}
