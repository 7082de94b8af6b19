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
