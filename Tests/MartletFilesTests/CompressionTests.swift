import Foundation
import MartletFiles
import Testing

@Suite struct CompressionTests {
    @Test(arguments: ["huffman", "rle", "fixed"]) func `What zlib writes with each strategy is read`(name: String)
        throws
    {
        let bytes = try contents(golden("\(name).zlib"))
        #expect(try inflate(bytes) == goldenText)
    }

    @Test func `Two members of gzip and zeros behind them are one text`() throws {
        #expect(try Gzip.decompress(contentsOf: golden("two_members.gz")) == goldenText)
    }

    @Test func `Every truncation of a gzip file is an error that names the file`() throws {
        // Behind the second member stand twelve zeros, without which the file is whole.
        let whole = Array(try contents(golden("two_members.gz")).dropLast(12))
        var missingFirst = 0
        for length in 0..<whole.count {
            do throws(FileError) {
                let read = try decompress(Array(whole.prefix(length)))
                // A cut between the members leaves one whole member.
                missingFirst += 1
                #expect(read == Array(goldenText.prefix(3000)), "cut to \(length)")
            } catch {
                #expect(error.file == "cut.gz")
                #expect(error.kind == .malformed)
            }
        }
        #expect(missingFirst == 1)
    }

    @Test func `A limit stops a small file from growing without bounds`() throws {
        let error = #expect(throws: FileError.self) {
            try contents(golden("two_members.gz")).withUnsafeBytes { try Gzip.decompress($0, file: "x", limit: 1000) }
        }
        #expect(error?.field == "decompressed size")
    }

    @Test func `No changed bit of a gzip file gives another text`() throws {
        let whole = try contents(golden("two_members.gz"))
        for position in stride(from: 0, to: whole.count, by: 1) {
            var broken = whole
            broken[position] ^= UInt8(1 << (position % 8))
            let read = try? broken.withUnsafeBytes { try Gzip.decompress($0, file: "x") }
            // Time, system and level in the headers carry no data.
            #expect(read == nil || read == goldenText, "bit of byte \(position)")
        }
    }

    @Test func `Compressed bytes of every kind come back`() throws {
        var state: UInt64 = 1
        let noise = (0..<70_000).map { _ -> UInt8 in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(state >> 56)
        }
        for bytes in [[], [7], [UInt8](repeating: 3, count: 100_000), noise, goldenText] {
            let compressed = bytes.withUnsafeBytes { Zlib.compress($0) }
            #expect(try inflate(compressed) == bytes)
        }
        #expect(goldenText.withUnsafeBytes { Zlib.compress($0) }.count < goldenText.count / 10)
    }

    @Test func `Checksums and digests are those of the published test vectors`() {
        let digits = Array("123456789".utf8)
        digits.withUnsafeBytes { bytes in
            #expect(CRC32.checksum(bytes) == 0xCBF4_3926)
            #expect(Adler32.checksum(bytes) == 0x091E_01DE)
            #expect(MD5.digest(bytes) == "25f9e794323b453885f5181f1b624d0b")
            #expect(SHA256.digest(bytes) == "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225")
        }
        let empty = UnsafeRawBufferPointer(start: nil, count: 0)
        #expect(MD5.digest(empty) == "d41d8cd98f00b204e9800998ecf8427e")
        #expect(SHA256.digest(empty) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    }

    private func decompress(_ bytes: [UInt8]) throws(FileError) -> [UInt8] {
        let result = bytes.withUnsafeBytes { bytes in
            Result { () throws(FileError) in try Gzip.decompress(bytes, file: "cut.gz") }
        }
        return try result.get()
    }

    private func inflate(_ bytes: [UInt8]) throws -> [UInt8] {
        try bytes.withUnsafeBytes { bytes in
            try Zlib.decompress(bytes, file: "zlib", sizeHint: 0, limit: 1 << 24)
        }
    }
}
