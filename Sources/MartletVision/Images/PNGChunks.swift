import MartletFiles

/// The chunks of a PNG file that its pixels depend on, each with its checksum checked.
struct PNGChunks {
    let header: PNGHeader
    /// Red, green and blue of each entry.
    private(set) var palette: [UInt8] = []
    /// The bytes of `tRNS`: alpha of palette entries, or the transparent colour's 16-bit samples.
    private(set) var transparency: [UInt8]?
    /// The zlib stream, all `IDAT` chunks joined.
    private(set) var data: [UInt8] = []

    init(_ bytes: UnsafeRawBufferPointer, file: String) throws(FileError) {
        var reader = ByteReader(bytes, file: file)
        let signature = try reader.take(8, "signature")
        guard signature.elementsEqual(PNG.signature) else {
            throw .malformed(
                file, "signature", expected: hexadecimal(PNG.signature), found: hexadecimal(signature))
        }
        let first = try Self.next(&reader)
        guard first.type == "IHDR" else {
            throw .malformed(file, "IHDR", expected: "it as the first chunk", found: first.type)
        }
        header = try PNGHeader(first.body, file: file)
        var isDataOver = false
        while true {
            let chunk = try Self.next(&reader)
            if chunk.type != "IDAT", !data.isEmpty { isDataOver = true }
            switch chunk.type {
            case "IDAT":
                guard !isDataOver else {
                    throw .malformed(file, "IDAT", expected: "all of them together", found: "another chunk between")
                }
                data += chunk.body
            case "PLTE": try readPalette(chunk.body, file)
            case "tRNS": try readTransparency(chunk.body, file)
            case "IEND":
                try checkEnd(file)
                return
            default: try Self.checkUnknown(chunk.type, file)
            }
        }
    }

    private static func next(
        _ reader: inout ByteReader
    ) throws(FileError) -> (type: String, body: UnsafeRawBufferPointer) {
        let length = Int(try reader.big(UInt32.self, "chunk length"))
        let start = reader.position
        let type = String(decoding: try reader.take(4, "chunk type"), as: UTF8.self)
        let body = try reader.take(length, type)
        let covered = UnsafeRawBufferPointer(rebasing: reader.bytes[start..<reader.position])
        let stated = try reader.big(UInt32.self, "\(type): CRC-32")
        let actual = CRC32.checksum(covered)
        guard stated == actual else {
            throw .malformed(
                reader.file, "\(type): CRC-32", expected: String(stated, radix: 16), found: String(actual, radix: 16))
        }
        return (type, body)
    }

    private mutating func readPalette(_ body: UnsafeRawBufferPointer, _ file: String) throws(FileError) {
        guard palette.isEmpty, data.isEmpty else {
            throw .malformed(file, "PLTE", expected: "one before IDAT", found: "another")
        }
        guard body.count % 3 == 0, 3...768 ~= body.count else {
            throw .malformed(file, "PLTE", expected: "1 to 256 colours of 3 bytes", found: "\(body.count) bytes")
        }
        palette = [UInt8](body)
    }

    private mutating func readTransparency(_ body: UnsafeRawBufferPointer, _ file: String) throws(FileError) {
        let isRight: Bool
        switch header.colorType {
        case .gray: isRight = body.count == 2
        case .rgb: isRight = body.count == 6
        case .palette: isRight = body.count <= palette.count / 3
        case .grayAlpha, .rgba: isRight = false
        }
        guard isRight, transparency == nil, data.isEmpty else {
            throw .malformed(
                file, "tRNS", expected: "one that suits the colour type, before IDAT", found: "\(body.count) bytes")
        }
        transparency = [UInt8](body)
    }

    private func checkEnd(_ file: String) throws(FileError) {
        guard !data.isEmpty else { throw .malformed(file, "IDAT", expected: "at least one", found: "none") }
        guard header.colorType != .palette || !palette.isEmpty else {
            throw .malformed(file, "PLTE", expected: "one for colour type 3", found: "none")
        }
    }

    /// Chunks whose name begins with a capital letter change the pixels; the others may be passed over.
    private static func checkUnknown(_ type: String, _ file: String) throws(FileError) {
        guard let first = type.utf8.first, first & 0x20 != 0 else {
            throw .unsupported(file, type, expected: "critical chunks of the standard only", found: "this one")
        }
    }
}
