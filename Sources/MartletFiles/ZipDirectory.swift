/// The central directory of a zip archive, read from the archive's end.
struct ZipDirectory {
    private(set) var members: [ZipArchive.Member] = []

    init(_ bytes: UnsafeRawBufferPointer, file: String) throws(FileError) {
        let (count, offset) = try Self.locate(bytes, file: file)
        guard offset <= bytes.count else {
            throw .malformed(file, "directory offset", expected: "at most \(bytes.count)", found: "\(offset)")
        }
        var reader = ByteReader(bytes, file: file, position: offset)
        var names: Set<String> = []
        for _ in 0..<count {
            let member = try Self.readMember(&reader)
            guard names.insert(member.name).inserted else {
                throw .malformed(file, "directory", expected: "each name once", found: "\(member.name) twice")
            }
            members.append(member)
        }
    }

    /// Finds the record at the end: 22 bytes and a comment of at most 65,535.
    private static func locate(
        _ bytes: UnsafeRawBufferPointer, file: String
    ) throws(FileError) -> (count: Int, offset: Int) {
        let first = max(0, bytes.count - 22 - 65535)
        var position = bytes.count - 22
        while position >= first {
            var reader = ByteReader(bytes, file: file, position: position)
            if try reader.little(UInt32.self, "end of directory") == 0x0605_4B50 {
                try reader.skip(4, "disk numbers")
                try reader.skip(2, "members on this disk")
                let count = Int(try reader.little(UInt16.self, "number of members"))
                try reader.skip(4, "directory size")
                let offset = Int(try reader.little(UInt32.self, "directory offset"))
                if count == 0xFFFF || offset == 0xFFFF_FFFF {
                    return try locateLong(bytes, before: position, file: file)
                }
                return (count, offset)
            }
            position -= 1
        }
        throw .malformed(file, "end of directory", expected: "the signature 6054b50", found: "none")
    }

    /// The ZIP64 record, which a locator of 20 bytes just before the old record points to.
    private static func locateLong(
        _ bytes: UnsafeRawBufferPointer, before end: Int, file: String
    ) throws(FileError) -> (count: Int, offset: Int) {
        guard end >= 20 else { throw .truncated(file, "ZIP64 locator", needed: 20, available: end) }
        var locator = ByteReader(bytes, file: file, position: end - 20)
        guard try locator.little(UInt32.self, "ZIP64 locator") == 0x0706_4B50 else {
            throw .malformed(file, "ZIP64 locator", expected: "the signature 7064b50", found: "another")
        }
        try locator.skip(4, "ZIP64 locator")
        let offset = try size(&locator, "ZIP64 locator")
        guard offset < bytes.count else {
            throw .malformed(file, "ZIP64 locator", expected: "less than \(bytes.count)", found: "\(offset)")
        }
        var reader = ByteReader(bytes, file: file, position: offset)
        guard try reader.little(UInt32.self, "ZIP64 end of directory") == 0x0606_4B50 else {
            throw .malformed(file, "ZIP64 end of directory", expected: "the signature 6064b50", found: "another")
        }
        try reader.skip(28, "ZIP64 end of directory")
        let count = try size(&reader, "number of members")
        try reader.skip(8, "directory size")
        return (count, try size(&reader, "directory offset"))
    }

    private static func size(_ reader: inout ByteReader, _ field: String) throws(FileError) -> Int {
        let value = try reader.little(UInt64.self, field)
        guard let size = Int(exactly: value) else {
            throw .malformed(reader.file, field, expected: "at most 63 bits", found: "\(value)")
        }
        return size
    }

    private static func readMember(_ reader: inout ByteReader) throws(FileError) -> ZipArchive.Member {
        let signature = try reader.little(UInt32.self, "directory entry")
        guard signature == 0x0201_4B50 else {
            throw .malformed(
                reader.file, "directory entry", expected: "2014b50", found: String(signature, radix: 16))
        }
        try reader.skip(4, "versions")
        let flags = try reader.little(UInt16.self, "flags")
        let method = try reader.little(UInt16.self, "method")
        try reader.skip(4, "time")
        let checksum = try reader.little(UInt32.self, "CRC-32")
        let compressed = try reader.little(UInt32.self, "compressed size")
        let plain = try reader.little(UInt32.self, "size")
        let nameLength = try reader.little(UInt16.self, "name length")
        let extraLength = try reader.little(UInt16.self, "extra length")
        let commentLength = try reader.little(UInt16.self, "comment length")
        try reader.skip(8, "attributes")
        let offset = try reader.little(UInt32.self, "header offset")
        let name = String(decoding: try reader.take(Int(nameLength), "name"), as: UTF8.self)
        guard flags & 1 == 0 else {
            throw .unsupported(reader.file, "\(name): flags", expected: "no encryption", found: "encryption")
        }
        var extra = ByteReader(try reader.take(Int(extraLength), "\(name): extra field"), file: reader.file)
        try reader.skip(Int(commentLength), "\(name): comment")
        let sizes = try longSizes([plain, compressed, offset], &extra, name)
        return ZipArchive.Member(
            name: name, method: method, checksum: checksum, compressedSize: sizes[1], size: sizes[0],
            headerOffset: sizes[2])
    }

    /// The sizes, with those that are all ones replaced, in this order, by the ZIP64 extra field's.
    private static func longSizes(
        _ short: [UInt32], _ extra: inout ByteReader, _ name: String
    ) throws(FileError) -> [Int] {
        var sizes = short.map { Int($0) }
        guard short.contains(.max) else { return sizes }
        while extra.remaining >= 4 {
            let kind = try extra.little(UInt16.self, "\(name): extra field")
            let length = Int(try extra.little(UInt16.self, "\(name): extra field"))
            var field = ByteReader(try extra.take(length, "\(name): extra field"), file: extra.file)
            guard kind == 1 else { continue }
            for index in sizes.indices where short[index] == .max {
                sizes[index] = try size(&field, "\(name): ZIP64 sizes")
            }
            return sizes
        }
        throw .malformed(extra.file, "\(name): extra field", expected: "ZIP64 sizes", found: "none")
    }
}
