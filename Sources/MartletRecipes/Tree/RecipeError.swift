import Foundation

/// What is wrong with a recipe: in which file and line, at which key, what was expected and what was found.
public struct RecipeError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The recipe's file.
    public let file: String
    /// Where in it, or which option is to blame.
    public let place: RecipePlace
    /// The path of the key: `optimizer.lr`.
    public let key: String
    /// What would have been right; empty where `found` is a sentence that says what is wrong.
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
        let fault = expected.isEmpty ? found : "expected \(expected), found \(found)"
        return "\(name): \(key.isEmpty ? "" : key + ": ")\(fault)\(suggestion)"
    }
}

extension RecipeError: LocalizedError {
    /// The same line as `description`.
    public var errorDescription: String? { description }
}
