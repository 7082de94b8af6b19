import Foundation
import MartletFiles
import Testing

@Suite struct SafetensorsTests {
    @Test func `A file of the reference writer is read`() throws {
        let file = try SafetensorsFile(golden("reference.safetensors"))
        #expect(file.metadata == ["writer": "safetensors"])
        #expect(Set(file.entries.map(\.name)).count == 8)
        let weight = try file.entry(named: "layer.weight")
        #expect(weight.type == .float32)
        #expect(weight.shape == [2, 3, 4])
        let ramp = file.bytes(of: weight).bindMemory(to: Float.self)
        #expect(Array(ramp) == (0..<24).map { Float($0) / 8 - 1 })
        #expect(try file.entry(named: "empty").shape == [0, 3])
        #expect(try file.entry(named: "größe \"q\"\n").type == .int32)
        #expect(Array(file.bytes(of: try file.entry(named: "bytes"))) == [250, 0, 7])
        #expect(throws: FileError.self) { try file.entry(named: "none") }
    }

    @Test func `Writing what was read gives the reference writer's file bit by bit`() throws {
        let folder = try Folder()
        let file = try SafetensorsFile(golden("reference.safetensors"))
        let copy = folder.path + "/copy.safetensors"
        let tensors = file.entries.reversed().map { entry in
            (
                tensor: SafetensorsWriter.Tensor(name: entry.name, type: entry.type, shape: entry.shape),
                bytes: Array(file.bytes(of: entry))
            )
        }
        try SafetensorsWriter.write(to: copy, tensors, metadata: file.metadata)
        #expect(try contents(copy) == contents(golden("reference.safetensors")))
    }

    @Test func `Every truncation is an error that names the file`() throws {
        let folder = try Folder()
        let whole = try contents(golden("reference.safetensors"))
        for length in 0..<whole.count {
            let path = try folder.write(Array(whole.prefix(length)))
            let error = #expect(throws: FileError.self, "cut to \(length)") { try SafetensorsFile(path) }
            #expect(error?.file == path)
        }
    }

    /// Headers that lie, and the field that the error must name.
    static let lies: [(field: String, header: String)] = [
        ("a: data_offsets", #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#),
        ("a: data_offsets", #"{"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}}"#),
        ("a: data_offsets", #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}"#),
        ("a: data_offsets", #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[4,0]}}"#),
        (
            "b: data_offsets",
            #"{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}"#
        ),
        ("data", #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#),
        ("a: shape", #"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}}"#),
        ("a: dtype", #"{"a":{"dtype":"F7","shape":[8],"data_offsets":[0,8]}}"#),
        (
            "header",
            #"{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}}"#
        ),
        ("header", #"["a"]"#),
    ]

    @Test(arguments: lies.indices) func `A header that lies is an error that names the field`(index: Int) throws {
        let (field, header) = Self.lies[index]
        let folder = try Folder()
        let length = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) }
        let path = try folder.write(length + Array(header.utf8) + [UInt8](repeating: 0, count: 8))
        let error = #expect(throws: FileError.self) { try SafetensorsFile(path) }
        #expect(error?.field == field)
    }

    @Test func `A header longer than any is not even looked for`() throws {
        let folder = try Folder()
        let path = try folder.write([UInt8](repeating: 0xFF, count: 64))
        #expect(throws: FileError.self) { try SafetensorsFile(path) }
    }

    @Test func `A tensor of another size than its shape's leaves no file`() throws {
        let folder = try Folder()
        let tensor = SafetensorsWriter.Tensor(name: "a", type: .float32, shape: [2])
        #expect(throws: FileError.self) {
            try SafetensorsWriter.write(to: folder.path + "/a.safetensors", [(tensor, [1, 2, 3, 4])])
        }
        #expect(folder.contents.isEmpty)
    }
}
