import Foundation

/// What is wrong with a recipe: in which file and line, at which key, what was expected and what was found.
public struct RecipeError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The recipe's file.
    public let file: String
    /// Where in it, or which option is to blame.
    public let place: RecipePlace
    /// The path of the key: `optimizer.lr`.
    public let key: String
    /// What would have been right.
    public let expected: String
    /// What stands there.
    public let found: String
    /// The valid name that is nearest to what was written, where one is near.
    public let nearest: String?

    package init(
        file: String, place: RecipePlace, key: String, expected: String, found: String, nearest: String? = nil
    ) {
        (self.file, self.place, self.key) = (file, place, key)
        (self.expected, self.found, self.nearest) = (expected, found, nearest)
    }

    /// One line: file and line, key, expectation, finding, and the nearest name.
    public var description: String {
        let name =
            switch place {
            case .line(let line): "\(file):\(line)"
            case .override(let text): "--set \(text)"
            case .nowhere: file
            }
        let suggestion = nearest.map { "; did you mean \($0)?" } ?? ""
        return "\(name): \(key.isEmpty ? "" : key + ": ")expected \(expected), found \(found)\(suggestion)"
    }
}

extension RecipeError: LocalizedError {
    /// The same line as `description`.
    public var errorDescription: String? { description }
}

/// The nearest of several names, for a person who misspelt one.
enum NearestName {
    /// The name with the fewest edits; nil where even that one is a different word.
    static func find(_ wanted: String, among names: some Sequence<String>) -> String? {
        let limit = max(1, wanted.count / 3)
        let ranked = names.map { (name: $0, edits: edits(plain(wanted), plain($0))) }
        return ranked.filter { $0.edits <= limit }.min { ($0.edits, $0.name) < ($1.edits, $1.name) }?.name
    }

    /// Case and separators are what people get wrong most often.
    private static func plain(_ name: String) -> [Character] { name.lowercased().filter { $0 != "_" && $0 != "-" } }

    /// Insertions, deletions, substitutions and swaps of neighbours that lead from one word to the other.
    private static func edits(_ a: [Character], _ b: [Character]) -> Int {
        var before = [Int]()
        var last = Array(0...b.count)
        for i in a.indices {
            var row = [i + 1]
            for j in b.indices {
                var cost = min(last[j + 1], row[j]) + 1
                cost = min(cost, last[j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, before[j - 1] + 1) }
                row.append(cost)
            }
            (before, last) = (last, row)
        }
        return last[b.count]
    }
}
