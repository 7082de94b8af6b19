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
