/// A zip archive, mapped: the members' names and sizes come from its central directory, their bytes on demand.
///
/// Stored and deflated members are read, in archives of either size of offsets (zip and ZIP64). Encrypted archives and
/// those in several volumes are not.
///
/// Source: PKWARE's APPNOTE.TXT, version 6.3.
package struct ZipArchive: Sendable {
    /// What the directory says about a member.
    package struct Member: Sendable, Equatable {
        package let name: String
        /// 0 for stored, 8 for Deflate.
        package let method: UInt16
        package let checksum: UInt32
        package let compressedSize: Int
        package let size: Int
        /// Where the member's own header begins.
        package let headerOffset: Int
    }

    package let path: String
    /// The members in the directory's order.
    package let members: [Member]
    private let contents: MappedFile

    /// Opens an archive and reads its directory.
    package init(_ path: String) throws(FileError) {
        let contents = try MappedFile(path)
        self.path = path
        self.contents = contents
        members = try contents.withBytes { bytes throws(FileError) in
            try ZipDirectory(bytes, file: path).members
        }
    }

    /// Calls `body` with a member's bytes, after their CRC-32 was found right.
    ///
    /// - Throws: `FileError` that names the member, and what `body` throws.
    package func withBytes<Result>(
        of member: Member, _ body: (UnsafeRawBufferPointer) throws(FileError) -> Result
    ) throws(FileError) -> Result {
        try contents.withBytes { bytes throws(FileError) in
            let raw = try rawBytes(of: member, in: bytes)
            switch member.method {
            case 0:
                guard member.size == member.compressedSize else {
                    throw .malformed(path, member.name, expected: "\(member.size) bytes", found: "\(raw.count)")
                }
                try check(raw, member)
                return try body(raw)
            case 8:
                let inflated = try inflate(raw, member)
                // Array's own method cannot pass typed errors on.
                let result = inflated.withUnsafeBytes { buffer -> Swift.Result<Result, FileError> in
                    do throws(FileError) {
                        try check(buffer, member)
                        return .success(try body(buffer))
                    } catch {
                        return .failure(error)
                    }
                }
                return try result.get()
            default:
                throw .unsupported(
                    path, "\(member.name): method", expected: "0 (stored) or 8 (Deflate)", found: "\(member.method)")
            }
        }
    }

    /// A member's bytes as they are in the archive.
    private func rawBytes(
        of member: Member, in bytes: UnsafeRawBufferPointer
    ) throws(FileError) -> UnsafeRawBufferPointer {
        guard member.headerOffset < bytes.count else {
            throw .malformed(
                path, "\(member.name): offset", expected: "less than \(bytes.count)", found: "\(member.headerOffset)")
        }
        var reader = ByteReader(bytes, file: path, position: member.headerOffset)
        let signature = try reader.little(UInt32.self, "\(member.name): header")
        guard signature == 0x0403_4B50 else {
            throw .malformed(
                path, "\(member.name): header", expected: "4034b50", found: String(signature, radix: 16))
        }
        try reader.skip(22, "\(member.name): header")
        let nameLength = try reader.little(UInt16.self, "\(member.name): header")
        let extraLength = try reader.little(UInt16.self, "\(member.name): header")
        try reader.skip(Int(nameLength) + Int(extraLength), "\(member.name): header")
        return try reader.take(member.compressedSize, "\(member.name): data")
    }

    private func inflate(_ raw: UnsafeRawBufferPointer, _ member: Member) throws(FileError) -> [UInt8] {
        var reader = ByteReader(raw, file: "\(path)/\(member.name)")
        // A size that Deflate cannot reach from so few bytes is refused before memory is asked for.
        let largest = raw.count.multipliedReportingOverflow(by: 1032)
        guard largest.overflow || member.size <= largest.partialValue else {
            throw .malformed(
                path, "\(member.name): size", expected: "at most \(largest.partialValue)", found: "\(member.size)")
        }
        let inflated = try Inflate.decompress(&reader, sizeHint: member.size, limit: member.size)
        guard inflated.count == member.size else {
            throw .malformed(
                path, "\(member.name): size", expected: "\(member.size) bytes", found: "\(inflated.count)")
        }
        return inflated
    }

    private func check(_ bytes: UnsafeRawBufferPointer, _ member: Member) throws(FileError) {
        let actual = CRC32.checksum(bytes)
        guard actual == member.checksum else {
            throw .malformed(
                path, "\(member.name): CRC-32", expected: String(member.checksum, radix: 16),
                found: String(actual, radix: 16))
        }
    }
}
