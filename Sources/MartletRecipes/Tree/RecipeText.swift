import Foundation
import MartletFiles
import Yams

/// Reads and writes recipes as YAML.
package enum RecipeText {
    /// The tree of a file's text.
    ///
    /// - Throws: `RecipeError` with the line where the text is no YAML, or a name stands twice.
    package static func parse(_ text: String, file: String) throws -> RecipeNode {
        guard let root = try composed(text, file: file, place: .nowhere) else { return RecipeNode(.map([])) }
        return try node(root, file: file) { .line($0) }
    }

    /// The value of an option `--set key=value`.
    static func parse(option: String, value: String, file: String) throws -> RecipeNode {
        let place = RecipePlace.override(option)
        guard let root = try composed(value, file: file, place: place) else { return RecipeNode(.null, at: place) }
        return try node(root, file: file) { _ in place }
    }

    /// The text of a tree.
    package static func write(_ node: RecipeNode) throws -> String {
        try Yams.serialize(node: yaml(node), width: -1, allowUnicode: true)
    }

    private static func composed(_ text: String, file: String, place: RecipePlace) throws -> Node? {
        do {
            return try Yams.compose(yaml: text)
        } catch let error as YamlError {
            let (line, problem) = finding(error)
            throw RecipeError(
                file: file, place: place == .nowhere ? line.map { .line($0) } ?? .nowhere : place, key: "",
                expected: "", found: problem)
        }
    }

    private static func finding(_ error: YamlError) -> (line: Int?, problem: String) {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            (mark.line, "this is no YAML: \(problem)")
        case .duplicatedKeysInMapping(let names, let context):
            (context.mark.line, "\(names.joined(separator: ", ")) stands there more than once")
        case .reader(let problem, _, _, _): (nil, "this is no YAML: \(problem)")
        default: (nil, "this is no YAML: \(error)")
        }
    }

    private static func node(_ node: Node, file: String, _ place: (Int) -> RecipePlace) throws -> RecipeNode {
        let here = node.mark.map { place($0.line) } ?? .nowhere
        switch node {
        case .scalar(let scalar):
            let isQuoted = scalar.style != .plain && scalar.style != .any
            let isNull = !isQuoted && ["", "~", "null", "Null", "NULL"].contains(scalar.string)
            return RecipeNode(isNull ? .null : .scalar(scalar.string, isQuoted: isQuoted), at: here)
        case .sequence(let items):
            return RecipeNode(.list(try items.map { try self.node($0, file: file, place) }), at: here)
        case .mapping(let pairs):
            let entries = try pairs.map { key, value in
                guard case .scalar(let name) = key else {
                    throw RecipeError(
                        file: file, place: here, key: "", expected: "a name before the colon", found: "a list or map")
                }
                return RecipeNode.Entry(
                    key: name.string, place: key.mark.map { place($0.line) } ?? here,
                    value: try self.node(value, file: file, place))
            }
            return RecipeNode(.map(entries), at: here)
        case .alias:
            throw RecipeError(file: file, place: here, key: "", expected: "a value", found: "an alias of nothing")
        }
    }

    private static func yaml(_ node: RecipeNode) -> Node {
        switch node.content {
        case .null: Node("null")
        case .scalar(let text, let isQuoted): Node(text, .implicit, isQuoted ? .doubleQuoted : .plain)
        case .list(let items):
            Node(items.map(yaml), .implicit, items.allSatisfy(\.isScalar) ? .flow : .block)
        case .map(let entries): Node(entries.map { (Node($0.key), yaml($0.value)) }, .implicit, .block)
        }
    }
}

extension RecipeNode {
    fileprivate var isScalar: Bool {
        switch content {
        case .null, .scalar: true
        case .list, .map: false
        }
    }
}
