/// The forms in which recipes give parameters. A key that is absent has torchvision's default.
extension KeyedDecodingContainer {
    func value<Value: Decodable>(_ key: Key, default value: Value) throws -> Value {
        try decodeIfPresent(Value.self, forKey: key) ?? value
    }

    func required<Value: Decodable>(_ key: Key, as type: Value.Type = Value.self) throws -> Value {
        guard let value = try decodeIfPresent(Value.self, forKey: key) else { throw missing(key) }
        return value
    }

    /// Two bounds; or one number, which is how far they are from `center`, the lower one at least `least`.
    func range(
        _ key: Key, around center: Double = 0, atLeast least: Double = -.infinity
    ) throws -> ClosedRange<Double>? {
        guard let list = try decodeIfPresent(NumberList.self, forKey: key) else { return nil }
        let values = list.values
        if values.count == 1, values[0] >= 0 { return max(least, center - values[0])...(center + values[0]) }
        guard values.count == 2, values[0] <= values[1] else {
            throw corrupted(key, "\(key.stringValue) is a number of at least 0 or two that rise, it is \(values)")
        }
        return values[0]...values[1]
    }

    /// Two bounds; a single number is both.
    func bounds(_ key: Key) throws -> ClosedRange<Double>? {
        guard let list = try decodeIfPresent(NumberList.self, forKey: key) else { return nil }
        guard let first = list.values.first, let last = list.values.last, list.values.count <= 2, first <= last else {
            throw corrupted(key, "\(key.stringValue) is a number or two that rise, it is \(list.values)")
        }
        return first...last
    }

    /// Two numbers, for x and y; a single number is both.
    func pair(_ key: Key) throws -> SIMD2<Double>? {
        guard let list = try decodeIfPresent(NumberList.self, forKey: key) else { return nil }
        guard let first = list.values.first, let last = list.values.last, list.values.count <= 2 else {
            throw corrupted(key, "\(key.stringValue) is one number or two, it is \(list.values)")
        }
        return SIMD2(first, last)
    }

    /// A fill; a null is torchvision's None, an absent key its default.
    func fill(_ key: Key, default fill: Fill) throws -> Fill {
        try decodeIfPresent(Fill.self, forKey: key) ?? (contains(key) ? .none : fill)
    }

    func missing(_ key: Key) -> DecodingError {
        .keyNotFound(
            key, DecodingError.Context(codingPath: codingPath, debugDescription: "\(key.stringValue) must be given"))
    }

    func corrupted(_ key: Key, _ text: String) -> DecodingError {
        .dataCorruptedError(forKey: key, in: self, debugDescription: text)
    }
}
