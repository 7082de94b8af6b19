/// The checked header of a safetensors file.
struct SafetensorsHeader {
    let metadata: [String: String]
    /// The tensors in the order of their data.
    let entries: [SafetensorsFile.Entry]
    /// The offset of the data in the file.
    let dataStart: Int

    init(_ bytes: UnsafeRawBufferPointer, file: String) throws(FileError) {
        var reader = ByteReader(bytes, file: file)
        let length = try reader.little(UInt64.self, "header length")
        guard length <= SafetensorsFile.longestHeader else {
            throw .malformed(
                file, "header length", expected: "at most \(SafetensorsFile.longestHeader) bytes", found: "\(length)")
        }
        let text = try reader.take(Int(length), "header")
        var parser = SafetensorsHeaderParser(text, file: file)
        try parser.parse()
        metadata = parser.metadata
        dataStart = reader.position
        entries = parser.entries.sorted {
            ($0.range.lowerBound, $0.range.upperBound, $0.name)
                < ($1.range.lowerBound, $1.range.upperBound, $1.name)
        }
        try Self.checkCoverage(entries, dataSize: reader.remaining, file: file)
    }

    /// Each tensor begins where the one before it ended, and the last one ends with the file.
    private static func checkCoverage(
        _ entries: [SafetensorsFile.Entry], dataSize: Int, file: String
    ) throws(FileError) {
        var end = 0
        for entry in entries {
            guard entry.range.lowerBound == end else {
                throw .malformed(
                    file, "\(entry.name): data_offsets", expected: "to begin at \(end), without hole or overlap",
                    found: "\(entry.range.lowerBound)")
            }
            end = entry.range.upperBound
            guard end <= dataSize else {
                throw .malformed(
                    file, "\(entry.name): data_offsets", expected: "to end within \(dataSize) bytes of data",
                    found: "\(end)")
            }
        }
        guard end == dataSize else {
            throw .malformed(
                file, "data", expected: "\(end) bytes, as the header says", found: "\(dataSize)")
        }
    }
}

/// Reads the header's JSON, which is of two levels and knows strings and natural numbers only.
struct SafetensorsHeaderParser {
    private var scanner: JSONScanner
    private(set) var metadata: [String: String] = [:]
    private(set) var entries: [SafetensorsFile.Entry] = []

    init(_ text: UnsafeRawBufferPointer, file: String) {
        scanner = JSONScanner(text, file: file, field: "header")
    }

    mutating func parse() throws(FileError) {
        guard scanner.bytes.first == UInt8(ascii: "{") else {
            throw scanner.failure(expected: "{ as its first byte")
        }
        var names: Set<String> = []
        try scanner.expect("{")
        if !scanner.accept("}") {
            repeat {
                let name = try scanner.string()
                guard names.insert(name).inserted else {
                    throw scanner.failure(expected: "each name once", found: "\"\(name)\" twice")
                }
                try scanner.expect(":")
                if name == "__metadata__" { try parseMetadata() } else { try parseEntry(name) }
            } while scanner.accept(",")
            try scanner.expect("}")
        }
        try scanner.expectEnd()
    }

    private mutating func parseMetadata() throws(FileError) {
        try scanner.expect("{")
        if scanner.accept("}") { return }
        repeat {
            let key = try scanner.string()
            try scanner.expect(":")
            guard try metadata.updateValue(scanner.string(), forKey: key) == nil else {
                throw scanner.failure(expected: "each key once", found: "\"\(key)\" twice in __metadata__")
            }
        } while scanner.accept(",")
        try scanner.expect("}")
    }

    private mutating func parseEntry(_ name: String) throws(FileError) {
        var type: StoredType?
        var shape: [Int]?
        var offsets: [Int]?
        scanner.field = name
        try scanner.expect("{")
        repeat {
            let key = try scanner.string()
            try scanner.expect(":")
            scanner.field = "\(name): \(key)"
            switch key {
            case "dtype" where type == nil: type = try parseType()
            case "shape" where shape == nil: shape = try scanner.naturals()
            case "data_offsets" where offsets == nil: offsets = try scanner.naturals()
            default: throw scanner.failure(expected: "dtype, shape and data_offsets, each once")
            }
            scanner.field = name
        } while scanner.accept(",")
        try scanner.expect("}")
        guard let type, let shape, let offsets else {
            throw scanner.failure(expected: "dtype, shape and data_offsets", found: "one of them missing")
        }
        entries.append(try entry(name, type, shape, offsets))
        scanner.field = "header"
    }

    private mutating func parseType() throws(FileError) -> StoredType {
        let name = try scanner.string()
        guard let type = StoredType(rawValue: name) else {
            let known = StoredType.allCases.map(\.rawValue).joined(separator: ", ")
            throw .unsupported(scanner.file, scanner.field, expected: "one of \(known)", found: name)
        }
        return type
    }

    private func entry(
        _ name: String, _ type: StoredType, _ shape: [Int], _ offsets: [Int]
    ) throws(FileError) -> SafetensorsFile.Entry {
        guard offsets.count == 2, offsets[0] <= offsets[1] else {
            throw .malformed(
                scanner.file, "\(name): data_offsets", expected: "two numbers that do not fall", found: "\(offsets)")
        }
        guard let size = type.byteCount(shape: shape) else {
            throw .malformed(
                scanner.file, "\(name): shape", expected: "sizes whose product fits in 63 bits", found: "\(shape)")
        }
        guard size == offsets[1] - offsets[0] else {
            throw .malformed(
                scanner.file, "\(name): data_offsets",
                expected: "\(size) bytes for \(type.rawValue) of shape \(shape)",
                found: "\(offsets[1] - offsets[0])")
        }
        return SafetensorsFile.Entry(name: name, type: type, shape: shape, range: offsets[0]..<offsets[1])
    }
}
