import Foundation
import MartletFiles
import Testing

@Suite struct NumPyTests {
    @Test func `NumPy's own files are read: plain, column-major, big-endian, scalar, versions 2 and 3`() throws {
        let plain = try NumPyFile.read(golden("plain.npy"))
        #expect(plain.type == .float64)
        #expect(plain.shape == [2, 3])
        #expect(numbers(plain, Double.self) == [0.5, 1.5, 2.5, 3.5, 4.5, 5.5])
        let columns = try NumPyFile.read(golden("column_major.npy"))
        #expect(columns.shape == [2, 3, 4])
        #expect(numbers(columns, Int16.self) == Array(0..<24))
        #expect(numbers(try NumPyFile.read(golden("big_endian.npy")), Int32.self) == [-2, -1, 0, 1, 2])
        #expect(try NumPyFile.read(golden("scalar.npy")) == NumPyArray(type: .bool, shape: [], bytes: [1]))
        for version in [2, 3] {
            #expect(try NumPyFile.read(golden("version\(version).npy")).bytes == [0, 1, 2])
        }
    }

    @Test(arguments: ["stored", "deflated"]) func `Archives are read, compressed or not`(name: String) throws {
        let arrays = try NumPyFile.readArchive(golden("\(name).npz"))
        #expect(arrays.keys.sorted() == ["a", "b"])
        #expect(numbers(try #require(arrays["a"]), Float.self) == [0.5, 1.5, 2.5, 3.5, 4.5, 5.5])
        #expect(arrays["b"]?.bytes == [UInt8](repeating: 0, count: 2400))
    }

    @Test func `What is written is NumPy's file bit by bit, and is read back`() throws {
        let folder = try Folder()
        let array = try NumPyFile.read(golden("plain.npy"))
        try NumPyFile.write(array, to: folder.path + "/copy.npy")
        #expect(try contents(folder.path + "/copy.npy") == contents(golden("plain.npy")))
        let arrays = try NumPyFile.readArchive(golden("stored.npz"))
        try NumPyFile.writeArchive(arrays, to: folder.path + "/copy.npz")
        #expect(try NumPyFile.readArchive(folder.path + "/copy.npz") == arrays)
    }

    @Test(arguments: ["plain.npy", "deflated.npz", "stored.npz"]) func `Every truncation is an error`(name: String)
        throws
    {
        let folder = try Folder()
        let whole = try contents(golden(name))
        for length in 0..<whole.count {
            let path = try folder.write(Array(whole.prefix(length)), name)
            #expect(throws: FileError.self, "cut to \(length)") {
                if name.hasSuffix(".npy") { _ = try NumPyFile.read(path) } else { _ = try NumPyFile.readArchive(path) }
            }
        }
    }

    @Test func `A changed byte of an archive's member is found by its checksum`() throws {
        let folder = try Folder()
        var broken = try contents(golden("stored.npz"))
        let data = try #require(broken.indices.first { broken[$0...].starts(with: [0, 0, 0, 0x3F, 0, 0, 0xC0, 0x3F]) })
        broken[data + 3] ^= 1
        let path = try folder.write(broken, "broken.npz")
        let error = #expect(throws: FileError.self) { try NumPyFile.readArchive(path) }
        #expect(error?.file == path)
    }

    private func numbers<Number>(_ array: NumPyArray, _ type: Number.Type) -> [Number] {
        array.bytes.withUnsafeBytes { Array($0.bindMemory(to: type)) }
    }
}
