/// An element of a recipe's list: a name, or a map of one name to its parameters.
enum NamedElement {
    /// A name as a key.
    struct Name: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(_ name: String) { stringValue = name }
        init?(stringValue: String) { self.init(stringValue) }
        init?(intValue: Int) { nil }
    }

    /// Decodes what `type(name)` names; it throws for an unknown name.
    static func decode<Element>(
        _ decoder: any Decoder, named type: (String) throws -> any Decodable.Type
    ) throws -> Element {
        let value: any Decodable
        if let name = try? decoder.singleValueContainer().decode(String.self) {
            value = try type(name).init(from: EmptyDecoder(codingPath: decoder.codingPath))
        } else {
            guard let container = try? decoder.container(keyedBy: Name.self), container.allKeys.count == 1 else {
                throw decoder.corrupted("a name, or one name with its parameters, is wanted here")
            }
            let key = container.allKeys[0]
            let type = try type(key.stringValue)
            value =
                try container.decodeNil(forKey: key)
                ? type.init(from: EmptyDecoder(codingPath: decoder.codingPath + [key]))
                : decode(type, container, key)
        }
        guard let element = value as? Element else { throw decoder.corrupted("no \(Element.self)") }
        return element
    }

    private static func decode<Value: Decodable>(
        _ type: Value.Type, _ container: KeyedDecodingContainer<Name>, _ key: Name
    ) throws -> any Decodable { try container.decode(type, forKey: key) }
}

/// Decodes what has no parameters given: each key is absent.
struct EmptyDecoder: Decoder {
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(EmptyContainer<Key>(codingPath: codingPath))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw corrupted("a list must be given") }
    func singleValueContainer() throws -> any SingleValueDecodingContainer { throw corrupted("a value must be given") }

    private struct EmptyContainer<Key: CodingKey>: KeyedDecodingContainerProtocol {
        let codingPath: [any CodingKey]
        var allKeys: [Key] { [] }

        func contains(_ key: Key) -> Bool { false }
        func decodeNil(forKey key: Key) throws -> Bool { throw absent(key) }
        func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value { throw absent(key) }
        func nestedContainer<NestedKey: CodingKey>(
            keyedBy type: NestedKey.Type, forKey key: Key
        ) throws -> KeyedDecodingContainer<NestedKey> { throw absent(key) }
        func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer { throw absent(key) }
        func superDecoder() throws -> any Decoder { EmptyDecoder(codingPath: codingPath) }
        func superDecoder(forKey key: Key) throws -> any Decoder { throw absent(key) }

        private func absent(_ key: Key) -> DecodingError {
            .keyNotFound(
                key,
                DecodingError.Context(codingPath: codingPath, debugDescription: "\(key.stringValue) must be given"))
        }
    }
}

/// Image transforms as a recipe lists them.
struct TransformList: Codable, Equatable {
    let transforms: [any ImageTransform]

    init(_ transforms: [any ImageTransform]) { self.transforms = transforms }

    init(from decoder: any Decoder) throws {
        var container = try decoder.unkeyedContainer()
        var transforms: [any ImageTransform] = []
        while !container.isAtEnd { transforms.append(try container.decode(Element.self).transform) }
        self.transforms = transforms
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.unkeyedContainer()
        for transform in transforms { try container.encode(Element(transform: transform)) }
    }

    static func == (left: TransformList, right: TransformList) -> Bool {
        left.transforms.count == right.transforms.count
            && zip(left.transforms, right.transforms).allSatisfy { $0.isEqual($1) }
    }

    private struct Element: Codable {
        let transform: any ImageTransform

        init(transform: any ImageTransform) { self.transform = transform }

        init(from decoder: any Decoder) throws {
            transform = try NamedElement.decode(decoder) { name in
                guard let type = TransformCatalog.types[name] else {
                    throw decoder.corrupted(TransformCatalog.unknown(name))
                }
                return type
            }
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: NamedElement.Name.self)
            try container.encode(transform, forKey: NamedElement.Name(type(of: transform).name))
        }
    }
}
