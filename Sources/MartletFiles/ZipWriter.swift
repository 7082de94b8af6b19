/// Writes zip archives whose members are stored as they are; the same members give the same bytes.
package enum ZipWriter {
    /// Writes an archive atomically.
    ///
    /// - Parameters:
    ///   - members: names and contents, each in pieces that follow one another.
    ///   - path: the file.
    /// - Throws: `FileError`; `unsupported` where a size or the number of members asks for ZIP64.
    package static func write(_ members: [(name: String, pieces: [[UInt8]])], to path: String) throws {
        try AtomicFile.write(to: path) { writer in
            var directory: [UInt8] = []
            var offset = 0
            for member in members {
                let common = try fields(member, file: path)
                guard let start = UInt32(exactly: offset) else { throw tooLarge(path, "offset", offset) }
                var header: [UInt8] = []
                header.append(little: UInt32(0x0403_4B50))
                header += common + Array(member.name.utf8)
                try writer.write(header)
                for piece in member.pieces { try writer.write(piece) }
                directory.append(little: UInt32(0x0201_4B50))
                directory.append(little: UInt16(20))  // Made by version 2.0 of the format.
                directory += common
                // No comment, disk 0, no attributes.
                directory += [UInt8](repeating: 0, count: 10)
                directory.append(little: start)
                directory += Array(member.name.utf8)
                offset += header.count + member.pieces.reduce(0) { $0 + $1.count }
            }
            try writer.write(directory + end(members.count, directorySize: directory.count, offset: offset, path))
        }
    }

    /// The 26 bytes that a member's header and its directory entry have in common.
    private static func fields(
        _ member: (name: String, pieces: [[UInt8]]), file: String
    ) throws(FileError) -> [UInt8] {
        var checksum = CRC32()
        for piece in member.pieces { piece.withUnsafeBytes { checksum.update($0) } }
        let count = member.pieces.reduce(0) { $0 + $1.count }
        guard let size = UInt32(exactly: count), size < .max else { throw tooLarge(file, member.name, count) }
        guard let nameLength = UInt16(exactly: member.name.utf8.count) else {
            throw tooLarge(file, "name", member.name.utf8.count)
        }
        var fields: [UInt8] = []
        fields.append(little: UInt16(20))  // Needs version 2.0.
        fields.append(little: UInt16(0x0800))  // The name is UTF-8.
        fields.append(little: UInt16(0))  // Stored.
        fields.append(little: UInt16(0))  // Midnight of
        fields.append(little: UInt16(0x0021))  // 1 January 1980: no clock, so that equal contents give equal files.
        fields.append(little: checksum.value)
        fields.append(little: size)
        fields.append(little: size)
        fields.append(little: nameLength)
        fields.append(little: UInt16(0))
        return fields
    }

    private static func end(
        _ count: Int, directorySize: Int, offset: Int, _ file: String
    ) throws(FileError) -> [UInt8] {
        guard let members = UInt16(exactly: count), members < .max else { throw tooLarge(file, "members", count) }
        guard let size = UInt32(exactly: directorySize), let start = UInt32(exactly: offset), start < .max else {
            throw tooLarge(file, "directory", offset)
        }
        var record: [UInt8] = []
        record.append(little: UInt32(0x0605_4B50))
        record.append(little: UInt32(0))
        record.append(little: members)
        record.append(little: members)
        record.append(little: size)
        record.append(little: start)
        record.append(little: UInt16(0))
        return record
    }

    private static func tooLarge(_ file: String, _ field: String, _ size: Int) -> FileError {
        .unsupported(file, field, expected: "a size that plain zip can hold", found: "\(size)")
    }
}
