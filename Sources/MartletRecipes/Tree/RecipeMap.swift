import Foundation
import MartletGraph

/// The names of one map of a recipe as they are read: each is asked for once, and what nobody asked for is an error.
///
/// What was read, defaults included, is kept in order: the effective recipe.
package final class RecipeMap {
    package let path: [String]
    package let file: String
    private let node: RecipeNode
    /// Where it begins.
    package var place: RecipePlace { node.place }
    package private(set) var effective: [(String, RecipeNode)] = []
    private var asked: [String] = []

    /// - Throws: `RecipeError` where the value is no map; nothing counts as an empty one.
    package init(_ node: RecipeNode, path: [String] = [], file: String) throws {
        (self.node, self.path, self.file) = (node, path, file)
        switch node.content {
        case .map, .null: break
        case .scalar, .list: throw error(nil, "names and values, as in \"key: value\"", node)
        }
    }

    /// The value of a name; nil where it is not there, or null.
    package func value(_ key: String) -> RecipeNode? {
        if !asked.contains(key) { asked.append(key) }
        guard let value = node[key], !value.isNull else { return nil }
        return value
    }

    /// Whether a name stands here with a value.
    package func has(_ key: String) -> Bool { value(key) != nil }

    /// Notes what a name amounts to in the effective recipe.
    package func note(_ key: String, _ node: RecipeNode) { effective.append((key, node)) }

    /// Throws for the first name that nobody asked for.
    package func finish() throws {
        guard let entry = node.entries.first(where: { !asked.contains($0.key) }) else { return }
        throw RecipeError(
            file: file, place: entry.place, key: (path + [entry.key]).joined(separator: "."),
            expected: asked.isEmpty ? "no names here" : "one of \(asked.joined(separator: ", "))",
            found: "\"\(entry.key)\"", nearest: NearestName.find(entry.key, among: asked))
    }

    /// An error at a name.
    package func error(_ key: String?, _ expected: String, _ found: RecipeNode?, nearest: String? = nil) -> RecipeError
    {
        RecipeError(
            file: file, place: found?.place ?? node.place,
            key: (path + (key.map { [$0] } ?? [])).joined(separator: "."),
            expected: expected, found: found?.finding ?? "nothing", nearest: nearest)
    }

    // MARK: Values

    /// A number, in a range where one is given.
    package func number(
        _ key: String, default usual: Double? = nil, in range: ClosedRange<Double> = -.infinity ... .infinity
    ) throws -> Double {
        guard let found = try optionalNumber(key, in: range) else {
            guard let usual else { throw error(key, "a number", nil) }
            note(key, .bare(usual))
            return usual
        }
        return found
    }

    /// A number, or nil where there is none.
    package func optionalNumber(_ key: String, in range: ClosedRange<Double> = -.infinity ... .infinity) throws
        -> Double?
    {
        guard let node = value(key) else { return nil }
        let number = try scalar(node, key, Self.describe("a number", range), Double.init)
        guard range.contains(number) else { throw error(key, Self.describe("a number", range), node) }
        note(key, .bare(number))
        return number
    }

    /// A whole number, from `least` on.
    package func count(_ key: String, default usual: Int? = nil, atLeast least: Int = 0) throws -> Int {
        guard let found = try optionalCount(key, atLeast: least) else {
            guard let usual else { throw error(key, "a whole number from \(least) on", nil) }
            note(key, .bare(usual))
            return usual
        }
        return found
    }

    /// A whole number, or nil where there is none.
    package func optionalCount(_ key: String, atLeast least: Int = 0) throws -> Int? {
        guard let node = value(key) else { return nil }
        let number = try whole(node, key, least)
        note(key, .bare(number))
        return number
    }

    /// Counts beyond this are mistakes, and would overflow where they are multiplied.
    package static let largestCount = 1 << 40

    private func whole(_ node: RecipeNode, _ key: String, _ least: Int) throws -> Int {
        let expected = "a whole number from \(least) on"
        let number = try scalar(node, key, expected) { text in
            Int(text) ?? Double(text).flatMap { Int(exactly: $0) }
        }
        guard number >= least, number <= Self.largestCount else { throw error(key, expected, node) }
        return number
    }

    /// Whole numbers: a list, or one that stands for all `places`.
    package func counts(_ key: String, default usual: [Int]? = nil, places: Int? = nil, atLeast least: Int = 0) throws
        -> [Int]
    {
        let expected = places.map { "a whole number from \(least) on, or \($0) of them" } ?? "a list of whole numbers"
        guard let node = value(key) else {
            guard let usual else { throw error(key, expected, nil) }
            note(key, RecipeNode(.list(usual.map { .bare($0) })))
            return usual
        }
        note(key, node)
        if case .list(let items) = node.content {
            guard places == nil || items.count == places else { throw error(key, expected, node) }
            return try items.map { try whole($0, key, least) }
        }
        return [Int](repeating: try whole(node, key, least), count: places ?? 1)
    }

    /// Numbers in a list, `count` of them where one is given.
    package func numbers(_ key: String, default usual: [Double], count: Int? = nil) throws -> [Double] {
        guard let node = value(key) else {
            note(key, RecipeNode(.list(usual.map { .bare($0) })))
            return usual
        }
        let expected = count.map { "a list of \($0) numbers" } ?? "a list of numbers"
        guard case .list(let items) = node.content, count == nil || items.count == count else {
            throw error(key, expected, node)
        }
        note(key, node)
        let numbers = try items.map { try scalar($0, key, expected, Double.init) }
        guard numbers.allSatisfy(\.isFinite) else { throw error(key, expected, node) }
        return numbers
    }

    /// A flag: true or false.
    package func flag(_ key: String, default usual: Bool = false) throws -> Bool {
        guard let node = value(key) else {
            note(key, .bare(usual))
            return usual
        }
        let flag: Bool = try scalar(node, key, "true or false") { text in
            switch text.lowercased() {
            case "true", "yes", "on": true
            case "false", "no", "off": false
            default: nil
            }
        }
        note(key, .bare(flag))
        return flag
    }

    /// A text, or nil where there is none.
    package func optionalText(_ key: String) throws -> String? {
        guard let node = value(key) else { return nil }
        guard case .scalar(let text, _) = node.content else { throw error(key, "a text", node) }
        note(key, .text(text))
        return text
    }

    /// A text.
    package func text(_ key: String, default usual: String? = nil) throws -> String {
        if let text = try optionalText(key) { return text }
        guard let usual else { throw error(key, "a text", nil) }
        note(key, .text(usual))
        return usual
    }

    /// Texts in a list; one alone counts as a list of one.
    package func texts(_ key: String) throws -> [String] {
        guard let node = value(key) else { return [] }
        note(key, node)
        let items = if case .list(let items) = node.content { items } else { [node] }
        return try items.map { item in
            guard case .scalar(let text, _) = item.content else { throw error(key, "texts", item) }
            return text
        }
    }

    /// One of several names.
    package func name(_ key: String, among names: [String], default usual: String? = nil) throws -> String {
        guard let node = value(key) else {
            guard let usual else { throw error(key, "one of \(names.joined(separator: ", "))", nil) }
            note(key, .text(usual))
            return usual
        }
        return try name(node, key, among: names)
    }

    private func name(_ node: RecipeNode, _ key: String, among names: [String]) throws -> String {
        let expected = "one of \(names.joined(separator: ", "))"
        guard case .scalar(let text, _) = node.content else { throw error(key, expected, node) }
        guard names.contains(text) else {
            throw error(key, expected, node, nearest: NearestName.find(text, among: names))
        }
        note(key, .text(text))
        return text
    }

    /// A case of an enumeration by its name.
    package func choice<Choice: CaseIterable & RawRepresentable<String>>(
        _ key: String, default usual: Choice
    ) throws -> Choice {
        let name = try name(key, among: Choice.allCases.map(\.rawValue), default: usual.rawValue)
        return Choice(rawValue: name) ?? usual
    }

    /// A map by its name, which may be left out, or stand as the bare value of its name `shorthand`.
    package func section<Section>(
        _ key: String, shorthand: String? = nil, _ read: (RecipeMap) throws -> Section
    ) throws -> Section {
        let map = try RecipeMap(expanded(value(key), shorthand), path: path + [key], file: file)
        let section = try read(map)
        try map.finish()
        note(key, .map(map.effective))
        return section
    }

    /// The same, or nil where the name is not there.
    package func optionalSection<Section>(
        _ key: String, shorthand: String? = nil, _ read: (RecipeMap) throws -> Section
    ) throws -> Section? {
        try has(key) ? section(key, shorthand: shorthand, read) : nil
    }

    /// A value of a type that reads itself, by `Codable`; nil where the name is not there.
    package func decoded<Part: Codable>(_ type: Part.Type, _ key: String) throws -> Part? {
        guard let node = value(key) else { return nil }
        let part = try RecipeDecoder.decode(type, from: node, path: path + [key], file: file)
        note(key, node)
        return part
    }

    private func expanded(_ node: RecipeNode?, _ shorthand: String?) -> RecipeNode {
        guard let node else { return RecipeNode(.null, at: self.node.place) }
        guard let shorthand, case .scalar = node.content else { return node }
        return RecipeNode(.map([.init(key: shorthand, place: node.place, value: node)]), at: node.place)
    }

    private func scalar<Value>(
        _ node: RecipeNode, _ key: String, _ expected: String, _ convert: (String) -> Value?
    ) throws -> Value {
        guard case .scalar(let text, false) = node.content, let value = convert(text) else {
            throw error(key, expected, node)
        }
        return value
    }

    private static func describe(_ what: String, _ range: ClosedRange<Double>) -> String {
        let (low, high) = (range.lowerBound, range.upperBound)
        let isPositive = low == .leastNonzeroMagnitude
        let least = String(format: "%g", isPositive ? 0 : low)
        if high < .greatestFiniteMagnitude {
            return "\(what) \(isPositive ? "above" : "from") \(least) to \(String(format: "%g", high))"
        }
        return low == -.infinity ? what : isPositive ? "\(what) above 0" : "\(what) from \(least) on"
    }
}

extension ClosedRange where Bound == Double {
    /// Numbers above 0.
    package static var positive: ClosedRange { .leastNonzeroMagnitude ... .greatestFiniteMagnitude }
    /// Probabilities of leaving something out: below 1.
    package static var probability: ClosedRange { 0...1.0.nextDown }
    /// Numbers from 0 on.
    package static var notNegative: ClosedRange { 0 ... .greatestFiniteMagnitude }
}
