/// What stands in a recipe as a number or as a list of numbers.
struct NumberList: Codable, Equatable {
    let values: [Double]
    let isList: Bool

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let number = try? container.decode(Double.self) {
            (values, isList) = ([number], false)
        } else if let list = try? container.decode([Double].self) {
            (values, isList) = (list, true)
        } else {
            throw decoder.corrupted("a number or a list of numbers is wanted")
        }
        guard values.allSatisfy({ abs($0) <= 1e9 }) else {
            throw decoder.corrupted("numbers up to a thousand million are wanted, not \(values)")
        }
    }

    func encode(to encoder: any Encoder) throws {
        if isList { try values.encode(to: encoder) } else { try values[0].encode(to: encoder) }
    }

    func integers(_ decoder: any Decoder, _ what: String) throws -> [Int] {
        try values.map { value in
            guard let integer = Int(exactly: value) else { throw decoder.corrupted("\(value) in \(what)") }
            return integer
        }
    }
}

extension Decoder {
    /// What is wrong with the value that is being decoded.
    func corrupted(_ text: String) -> DecodingError {
        .dataCorrupted(DecodingError.Context(codingPath: codingPath, debugDescription: text))
    }
}
