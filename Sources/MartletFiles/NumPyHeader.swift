/// The header of a `.npy` file: a Python dictionary of `descr`, `fortran_order` and `shape`.
struct NumPyHeader {
    let type: StoredType
    let isBigEndian: Bool
    let isColumnMajor: Bool
    let shape: [Int]

    /// NumPy's codes without the byte order; bfloat16 is unknown there.
    private static let codes: [String: StoredType] = [
        "b1": .bool, "u1": .uint8, "i1": .int8, "i2": .int16, "u2": .uint16, "f2": .float16, "i4": .int32,
        "u4": .uint32, "f4": .float32, "f8": .float64, "i8": .int64, "u8": .uint64,
    ]

    /// Reads magic, version and header and leaves the reader at the data.
    init(_ reader: inout ByteReader) throws(FileError) {
        let file = reader.file
        let magic = try reader.take(6, "magic")
        guard magic.elementsEqual([0x93] + Array("NUMPY".utf8)) else {
            throw .malformed(file, "magic", expected: "934e554d5059", found: hexadecimal(magic))
        }
        let version = try reader.little(UInt8.self, "version")
        try reader.skip(1, "version")
        guard 1...3 ~= version else {
            throw .unsupported(file, "version", expected: "1, 2 or 3", found: "\(version)")
        }
        let length =
            version == 1
            ? Int(try reader.little(UInt16.self, "header length"))
            : Int(try reader.little(UInt32.self, "header length"))
        var parser = PythonScanner(try reader.take(length, "header"), file: file)
        let fields = try parser.dictionary()
        guard let description = fields.description, let isColumnMajor = fields.isColumnMajor, let shape = fields.shape
        else {
            throw .malformed(
                file, "header", expected: "descr, fortran_order and shape", found: "at least one of them missing")
        }
        guard let order = description.first, "<>|=".contains(order),
            let type = Self.codes[String(description.dropFirst())], order != "|" || type.byteCount == 1
        else {
            throw .unsupported(
                file, "descr", expected: "plain numbers of 8 to 64 bits or Booleans", found: description)
        }
        self.type = type
        isBigEndian = order == ">"
        self.isColumnMajor = isColumnMajor
        self.shape = shape
    }

    /// The header that NumPy writes for a row-major array, up to the data, which starts at a multiple of 64.
    static func encode(_ type: StoredType, shape: [Int], file: String) throws(FileError) -> [UInt8] {
        guard let code = codes.first(where: { $0.value == type })?.key else {
            throw .unsupported(file, "descr", expected: "a type that NumPy has", found: type.rawValue)
        }
        let sizes = shape.count == 1 ? "\(shape[0])," : shape.map(String.init).joined(separator: ", ")
        let order = type.byteCount == 1 ? "|" : "<"
        var text = Array("{'descr': '\(order)\(code)', 'fortran_order': False, 'shape': (\(sizes)), }".utf8)
        let isLong = text.count + 64 > Int(UInt16.max)
        let prefix = isLong ? 12 : 10
        // Spaces up to the multiple, the last of them a new line.
        text += [UInt8](repeating: UInt8(ascii: " "), count: 63 - (prefix + text.count) % 64)
        text.append(UInt8(ascii: "\n"))
        var header: [UInt8] = [0x93] + Array("NUMPY".utf8) + [isLong ? 2 : 1, 0]
        if isLong { header.append(little: UInt32(text.count)) } else { header.append(little: UInt16(text.count)) }
        return header + text
    }
}

/// Reads the part of Python's literals that a `.npy` header is made of.
private struct PythonScanner {
    private let bytes: UnsafeRawBufferPointer
    private let file: String
    private var position = 0

    struct Fields {
        var description: String?
        var isColumnMajor: Bool?
        var shape: [Int]?
    }

    init(_ bytes: UnsafeRawBufferPointer, file: String) {
        self.bytes = bytes
        self.file = file
    }

    private func failure(_ field: String, expected: String) -> FileError {
        let next = position < bytes.count ? "byte \(hexadecimal([bytes[position]]))" : "the end"
        return .malformed(file, field, expected: expected, found: "\(next) at offset \(position)")
    }

    mutating func dictionary() throws(FileError) -> Fields {
        var fields = Fields()
        guard accept("{") else { throw failure("header", expected: "{") }
        while !accept("}") {
            let key = try text("header")
            guard accept(":") else { throw failure("header", expected: ":") }
            switch key {
            case "descr" where fields.description == nil: fields.description = try description()
            case "fortran_order" where fields.isColumnMajor == nil: fields.isColumnMajor = try boolean()
            case "shape" where fields.shape == nil: fields.shape = try tuple()
            default: throw failure("header", expected: "descr, fortran_order and shape, each once")
            }
            guard accept(",") else {
                guard accept("}") else { throw failure("header", expected: "}") }
                break
            }
        }
        skipSpace()
        guard position == bytes.count else { throw failure("header", expected: "nothing behind the dictionary") }
        return fields
    }

    private mutating func skipSpace() {
        while position < bytes.count, bytes[position] == 0x20 || bytes[position] == 0x0A { position += 1 }
    }

    private mutating func accept(_ word: String) -> Bool {
        skipSpace()
        guard bytes.count - position >= word.utf8.count, bytes[position...].starts(with: word.utf8) else {
            return false
        }
        position += word.utf8.count
        return true
    }

    private mutating func description() throws(FileError) -> String {
        if accept("[") {
            throw .unsupported(file, "descr", expected: "one type of number", found: "records")
        }
        return try text("descr")
    }

    private mutating func text(_ field: String) throws(FileError) -> String {
        let quote: UInt8 = accept("'") ? UInt8(ascii: "'") : UInt8(ascii: "\"")
        guard quote == UInt8(ascii: "'") || accept("\"") else { throw failure(field, expected: "a string") }
        let start = position
        while position < bytes.count, bytes[position] != quote {
            guard bytes[position] != UInt8(ascii: "\\") else { throw failure(field, expected: "no escapes") }
            position += 1
        }
        guard position < bytes.count else { throw failure(field, expected: "the end of a string") }
        defer { position += 1 }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private mutating func boolean() throws(FileError) -> Bool {
        if accept("True") { return true }
        guard accept("False") else { throw failure("fortran_order", expected: "True or False") }
        return false
    }

    private mutating func tuple() throws(FileError) -> [Int] {
        guard accept("(") else { throw failure("shape", expected: "(") }
        var sizes: [Int] = []
        while !accept(")") {
            skipSpace()
            let digits = bytes[position...].prefix { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
            guard let size = Int(String(decoding: digits, as: UTF8.self)) else {
                throw failure("shape", expected: "a size of at most 63 bits")
            }
            position += digits.count
            _ = accept("L")  // Python 2 wrote long numbers so.
            sizes.append(size)
            guard accept(",") else {
                guard accept(")") else { throw failure("shape", expected: ")") }
                break
            }
        }
        return sizes
    }
}
