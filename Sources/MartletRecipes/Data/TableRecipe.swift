import MartletData
import MartletFiles

/// A table of a recipe.
///
///     data: {kind: csv, file: housing.csv, target: median_house_value, one_hot: [ocean_proximity], missing: drop}
struct TableRecipe: Sendable {
    private let file: String
    private let hasHeader: Bool
    private let separator: Character
    private let marks: Set<String>
    private let missing: Missing
    private let target: String
    private let targetKind: TargetKind
    private let oneHot: [String], ordinal: [String], dropped: [String]

    /// What becomes of missing cells.
    enum Missing: String, CaseIterable {
        case drop, mean, median, keep
        case mostFrequent = "most_frequent"
    }

    init(_ map: RecipeMap) throws {
        file = try map.text("file")
        hasHeader = try map.flag("header", default: true)
        let text = try map.text("separator", default: ",")
        guard let first = text.first, text.count == 1, first.isASCII, first != "\""
        else {
            throw map.error("separator", "one ASCII character other than a quote", map.value("separator"))
        }
        separator = first
        marks = Set(try map.texts("missing_marks"))
        missing = try map.choice("missing", default: .drop)
        target = try map.text("target")
        let kind = try map.name(
            "target_kind", among: ["automatic", "classes", "numbers"], default: "automatic")
        targetKind = kind == "classes" ? .classes : kind == "numbers" ? .numbers : .automatic
        (oneHot, ordinal) = (try map.texts("one_hot"), try map.texts("ordinal"))
        dropped = try map.texts("drop")
    }

    /// The rows as samples.
    ///
    /// - Throws: `TableError` with file, line and column.
    func load() throws -> TableDataset {
        let whole = try CSVTable(contentsOf: file, header: hasHeader, separator: separator, missing: marks)
        // Columns that nobody reads cost no rows, and a label is never made up.
        var table = try whole.dropping(dropped.map(selector)).dropMissing(columns: [selector(target)])
        switch missing {
        case .drop: table = table.dropMissing()
        case .mean: table = try table.fillMissing(.mean)
        case .median: table = try table.fillMissing(.median)
        case .mostFrequent: table = try table.fillMissing(.mostFrequent)
        case .keep: break
        }
        return try table.dataset(
            target: Column(name: target, hasHeader: hasHeader), as: targetKind, oneHot: oneHot.map(selector),
            ordinal: ordinal.map(selector))
    }

    private func selector(_ name: String) -> any ColumnSelector { Column(name: name, hasHeader: hasHeader) }

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
