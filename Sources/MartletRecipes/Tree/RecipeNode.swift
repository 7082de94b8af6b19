/// A value of a recipe, and where it was written.
public struct RecipeNode: Sendable {
    /// What stands there.
    public indirect enum Content: Sendable {
        /// Nothing, or `null`.
        case null
        /// A text, a number, a flag; what was quoted is a text.
        case scalar(String, isQuoted: Bool)
        /// Values one after the other.
        case list([RecipeNode])
        /// Values by name, in the order of the file.
        case map([Entry])
    }

    /// A value by its name.
    public struct Entry: Sendable {
        /// The name.
        public var key: String
        /// Where the name stands.
        public var place: RecipePlace
        /// The value.
        public var value: RecipeNode
    }

    /// What stands there.
    public var content: Content
    /// Where.
    public var place: RecipePlace

    package init(_ content: Content, at place: RecipePlace = .nowhere) { (self.content, self.place) = (content, place) }

    /// A text.
    package static func text(_ text: String) -> RecipeNode {
        // What would be read as a number, a flag or nothing needs its quotes.
        RecipeNode(.scalar(text, isQuoted: text.isEmpty || Double(text) != nil || reserved.contains(text.lowercased())))
    }

    /// A value that needs no quotes.
    package static func bare(_ value: some CustomStringConvertible) -> RecipeNode {
        RecipeNode(.scalar(value.description, isQuoted: false))
    }

    package static func map(_ entries: [(String, RecipeNode)]) -> RecipeNode {
        RecipeNode(.map(entries.map { Entry(key: $0.0, place: .nowhere, value: $0.1) }))
    }

    private static let reserved: Set<String> = ["null", "~", "true", "false", "yes", "no", "on", "off"]

    /// True where nothing stands.
    var isNull: Bool { if case .null = content { true } else { false } }

    /// The entries of a map; none of anything else.
    package var entries: [Entry] { if case .map(let entries) = content { entries } else { [] } }

    /// The value of a name.
    package subscript(_ key: String) -> RecipeNode? { entries.first { $0.key == key }?.value }

    /// What was found, in an error's words.
    package var finding: String {
        switch content {
        case .null: "nothing"
        case .scalar(let text, _): "\"\(text)\""
        case .list(let items): "a list of \(items.count)"
        case .map: "a map"
        }
    }
}

/// Where a value of a recipe was written.
public enum RecipePlace: Sendable, Hashable {
    /// A line of the file, from 1 on.
    case line(Int)
    /// An option of the command: `--set optimizer.lr=0.1`.
    case override(String)
    /// Nowhere: a default.
    case nowhere
}
