import MartletGraph

/// Reads a part of a recipe into any type that is `Decodable`: names are written in snake_case, one that the type does not
/// ask for is an error, and every error names file, line and key.
final class RecipeDecoder: Decoder {
    let codingPath: [any CodingKey]
    let userInfo: [CodingUserInfoKey: Any] = [:]
    fileprivate let node: RecipeNode
    fileprivate let context: Context
    /// The names that were asked for, as they are written; nil where the value was not taken for a map.
    private var asked: [String]?

    /// What all decoders of a part share.
    struct Context {
        let file: String
        let root: RecipeNode
        /// Where the part is in the recipe.
        let path: [String]
    }

    fileprivate init(_ node: RecipeNode, _ codingPath: [any CodingKey], _ context: Context) {
        (self.node, self.codingPath, self.context) = (node, codingPath, context)
    }

    /// The value of a part of a recipe.
    ///
    /// - Throws: `RecipeError`.
    static func decode<Part: Decodable>(
        _ type: Part.Type, from node: RecipeNode, path: [String], file: String
    ) throws -> Part {
        let context = Context(file: file, root: node, path: path)
        do {
            return try value(of: type, node, [], context)
        } catch let error as DecodingError {
            throw context.converted(error)
        }
    }

    fileprivate static func value<Part: Decodable>(
        of type: Part.Type, _ node: RecipeNode, _ path: [any CodingKey], _ context: Context
    ) throws -> Part {
        let decoder = RecipeDecoder(node, path, context)
        if let names = names(of: type), case .scalar(let text, _) = node.content, !names.contains(text) {
            throw context.error(
                path, node, "one of \(names.joined(separator: ", "))", NearestName.find(text, among: names))
        }
        let part = try Part(from: decoder)
        try decoder.finish()
        return part
    }

    /// The names of an enumeration's cases; nil for other types.
    private static func names(of type: any Decodable.Type) -> [String]? {
        func names<Choice: CaseIterable>(_: Choice.Type) -> [String] {
            Choice.allCases.compactMap { ($0 as? any RawRepresentable)?.rawValue as? String }
        }
        guard let choices = type as? any CaseIterable.Type else { return nil }
        let found = names(choices)
        return found.isEmpty ? nil : found
    }

    private func finish() throws {
        guard let asked, let entry = node.entries.first(where: { !asked.contains($0.key) }) else { return }
        throw RecipeError(
            file: context.file, place: entry.place, key: context.name(codingPath + [RecipeKey(entry.key)]),
            expected: asked.isEmpty ? "no names here" : "one of \(asked.joined(separator: ", "))",
            found: "\"\(entry.key)\"", nearest: NearestName.find(entry.key, among: asked))
    }

    /// The value of a key, which counts as asked for.
    fileprivate func child(_ key: any CodingKey) -> RecipeNode? {
        let name = key.stringValue.asRecipeKey
        if asked?.contains(name) != true { asked = (asked ?? []) + [name] }
        return node[name]
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard case .map = node.content else {
            throw context.error(codingPath, node, "names and values, as in \"key: value\"")
        }
        asked = asked ?? []
        return KeyedDecodingContainer(KeyedPart<Key>(decoder: self))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard case .list(let items) = node.content else { throw context.error(codingPath, node, "a list") }
        return ListPart(decoder: self, items: items)
    }

    func singleValueContainer() -> any SingleValueDecodingContainer { SinglePart(decoder: self) }
}

extension RecipeDecoder.Context {
    func name(_ codingPath: [any CodingKey]) -> String {
        (path + codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue.asRecipeKey }).joined(separator: ".")
    }

    func error(
        _ codingPath: [any CodingKey], _ node: RecipeNode, _ expected: String, _ nearest: String? = nil
    ) -> RecipeError {
        RecipeError(
            file: file, place: node.place, key: name(codingPath), expected: expected, found: node.finding,
            nearest: nearest)
    }

    /// An error that a type's own reading threw, at the deepest value that its path leads to.
    func converted(_ error: DecodingError) -> RecipeError {
        let (codingPath, expected): ([any CodingKey], String) =
            switch error {
            case .keyNotFound(let key, let context): (context.codingPath + [key], "a value")
            case .valueNotFound(_, let context), .typeMismatch(_, let context), .dataCorrupted(let context):
                (context.codingPath, context.debugDescription)
            @unknown default: ([], "\(error)")
            }
        var node = root
        for key in codingPath {
            if let index = key.intValue, case .list(let items) = node.content, items.indices.contains(index) {
                node = items[index]
            } else if let next = node[key.stringValue.asRecipeKey] {
                node = next
            }
        }
        if case .keyNotFound = error { node.content = .null }
        // Such a type says in a sentence what is wrong.
        if case .dataCorrupted = error {
            return RecipeError(file: file, place: node.place, key: name(codingPath), expected: "", found: expected)
        }
        return self.error(codingPath, node, expected)
    }
}

extension String {
    /// A Swift property's name as recipes write it: `startDivisor` is `start_divisor`. Types' names stay as they are.
    var asRecipeKey: String {
        guard let first, first.isLowercase else { return self }
        return reduce(into: "") { text, character in
            text += character.isUppercase ? "_" + character.lowercased() : String(character)
        }
    }
}

/// Any name or index as a key.
struct RecipeKey: CodingKey {
    let stringValue: String
    let intValue: Int?

    init(_ name: String) { (stringValue, intValue) = (name, nil) }
    init(index: Int) { (stringValue, intValue) = (String(index), index) }
    init?(stringValue: String) { self.init(stringValue) }
    init?(intValue: Int) { self.init(index: intValue) }
}

// MARK: - Containers

private struct KeyedPart<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let decoder: RecipeDecoder

    var codingPath: [any CodingKey] { decoder.codingPath }
    var allKeys: [Key] { decoder.node.entries.compactMap { Key(stringValue: $0.key) } }

    func contains(_ key: Key) -> Bool { decoder.child(key) != nil }

    func decodeNil(forKey key: Key) throws -> Bool { try required(key).isNull }

    func decode<Part: Decodable>(_ type: Part.Type, forKey key: Key) throws -> Part {
        try RecipeDecoder.value(of: type, required(key), codingPath + [key], decoder.context)
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> {
        try nested(key).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try nested(key).unkeyedContainer()
    }

    func superDecoder() -> any Decoder { decoder }
    func superDecoder(forKey key: Key) throws -> any Decoder { try nested(key) }

    private func nested(_ key: Key) throws -> RecipeDecoder {
        RecipeDecoder(try required(key), codingPath + [key], decoder.context)
    }

    private func required(_ key: Key) throws -> RecipeNode {
        guard let node = decoder.child(key) else {
            throw DecodingError.keyNotFound(
                key, DecodingError.Context(codingPath: codingPath, debugDescription: "there is no \(key.stringValue)"))
        }
        return node
    }
}

private struct ListPart: UnkeyedDecodingContainer {
    let decoder: RecipeDecoder
    let items: [RecipeNode]
    var currentIndex = 0

    init(decoder: RecipeDecoder, items: [RecipeNode]) { (self.decoder, self.items) = (decoder, items) }

    var codingPath: [any CodingKey] { decoder.codingPath }
    var count: Int? { items.count }
    var isAtEnd: Bool { currentIndex == items.count }

    private var path: [any CodingKey] { codingPath + [RecipeKey(index: currentIndex)] }

    private mutating func next() throws -> RecipeNode {
        guard !isAtEnd else {
            throw decoder.context.error(codingPath, decoder.node, "a list of more than \(items.count) values")
        }
        defer { currentIndex += 1 }
        return items[currentIndex]
    }

    mutating func decodeNil() throws -> Bool {
        guard !isAtEnd, items[currentIndex].isNull else { return false }
        currentIndex += 1
        return true
    }

    mutating func decode<Part: Decodable>(_ type: Part.Type) throws -> Part {
        let path = path
        return try RecipeDecoder.value(of: type, next(), path, decoder.context)
    }

    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type
    ) throws -> KeyedDecodingContainer<Nested> {
        let path = path
        return try RecipeDecoder(next(), path, decoder.context).container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
        let path = path
        return try RecipeDecoder(next(), path, decoder.context).unkeyedContainer()
    }

    mutating func superDecoder() throws -> any Decoder {
        let path = path
        return RecipeDecoder(try next(), path, decoder.context)
    }
}

private struct SinglePart: SingleValueDecodingContainer {
    let decoder: RecipeDecoder

    var codingPath: [any CodingKey] { decoder.codingPath }

    func decodeNil() -> Bool { decoder.node.isNull }

    func decode<Part: Decodable>(_ type: Part.Type) throws -> Part {
        try RecipeDecoder.value(of: type, decoder.node, codingPath, decoder.context)
    }

    func decode(_ type: Bool.Type) throws -> Bool {
        try scalar("true or false") { text in
            switch text.lowercased() {
            case "true", "yes", "on": true
            case "false", "no", "off": false
            default: nil
            }
        }
    }

    func decode(_ type: String.Type) throws -> String {
        guard case .scalar(let text, _) = decoder.node.content else {
            throw decoder.context.error(codingPath, decoder.node, "a text")
        }
        return text
    }

    func decode(_ type: Double.Type) throws -> Double { try scalar("a number", Double.init) }
    func decode(_ type: Float.Type) throws -> Float { try scalar("a number", Float.init) }
    func decode(_ type: Int.Type) throws -> Int { try whole(type) }
    func decode(_ type: Int8.Type) throws -> Int8 { try whole(type) }
    func decode(_ type: Int16.Type) throws -> Int16 { try whole(type) }
    func decode(_ type: Int32.Type) throws -> Int32 { try whole(type) }
    func decode(_ type: Int64.Type) throws -> Int64 { try whole(type) }
    func decode(_ type: UInt.Type) throws -> UInt { try whole(type) }
    func decode(_ type: UInt8.Type) throws -> UInt8 { try whole(type) }
    func decode(_ type: UInt16.Type) throws -> UInt16 { try whole(type) }
    func decode(_ type: UInt32.Type) throws -> UInt32 { try whole(type) }
    func decode(_ type: UInt64.Type) throws -> UInt64 { try whole(type) }

    private func whole<Number: FixedWidthInteger>(_ type: Number.Type) throws -> Number {
        try scalar("a whole number") { text in Number(text) ?? Double(text).flatMap { Number(exactly: $0) } }
    }

    private func scalar<Value>(_ expected: String, _ convert: (String) -> Value?) throws -> Value {
        guard case .scalar(let text, false) = decoder.node.content, let value = convert(text) else {
            throw decoder.context.error(codingPath, decoder.node, expected)
        }
        return value
    }
}
