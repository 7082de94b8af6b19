import Foundation
import MartletFiles
import Testing

@Suite struct AtomicFileTests {
    private struct Interrupted: Error {}

    @Test func `A file is replaced whole and keeps its permissions`() throws {
        let folder = try Folder()
        let path = try folder.write([1, 2, 3])
        #expect(chmod(path, 0o640) == 0)
        try AtomicFile.write([4, 5], to: path)
        #expect(try contents(path) == [4, 5])
        var information = stat()
        #expect(stat(path, &information) == 0)
        #expect(information.st_mode & 0o777 == 0o640)
        #expect(folder.contents == ["file"])
    }

    @Test func `A writer that fails leaves the old file and nothing else`() throws {
        let folder = try Folder()
        let path = try folder.write([1, 2, 3])
        #expect(throws: Interrupted.self) {
            try AtomicFile.write(to: path) { writer in
                try writer.write([9, 9])
                throw Interrupted()
            }
        }
        #expect(try contents(path) == [1, 2, 3])
        #expect(folder.contents == ["file"])
    }

    @Test func `Until the writer has ended, readers see the old file`() throws {
        let folder = try Folder()
        let path = try folder.write([1, 2, 3])
        try AtomicFile.write(to: path) { writer in
            try writer.write([9, 9])
            #expect(try contents(path) == [1, 2, 3])
            #expect(folder.contents.count == 2)
        }
        #expect(try contents(path) == [9, 9])
        #expect(folder.contents == ["file"])
    }

    @Test(.enabled(if: access("/dev/full", W_OK) == 0, "this system has no /dev/full"))
    func `A full disk is an error of that kind, and nothing half-written is left`() throws {
        let folder = try Folder()
        let path = try folder.write([1, 2, 3])
        let full = try FileWriter(opening: "/dev/full")
        let error = #expect(throws: FileError.self) {
            try AtomicFile.write(to: path) { writer in
                try writer.write([9, 9])
                try full.write([UInt8](repeating: 0, count: 1 << 16))
            }
        }
        #expect(error?.kind == .diskFull)
        #expect(error?.file == "/dev/full")
        #expect(error?.field == "write")
        #expect(try contents(path) == [1, 2, 3])
        #expect(folder.contents == ["file"])
    }

    @Test func `A link is followed, not replaced`() throws {
        let folder = try Folder()
        let path = try folder.write([1])
        #expect(symlink(path, folder.path + "/link") == 0)
        try AtomicFile.write([2], to: folder.path + "/link")
        #expect(try contents(path) == [2])
        #expect(folder.contents == ["file", "link"])
    }

    @Test func `A missing folder and a folder in the file's place are errors that name the path`() throws {
        let folder = try Folder()
        let missing = #expect(throws: FileError.self) { try AtomicFile.write([1], to: folder.path + "/no/file") }
        #expect(missing?.kind == .missing)
        #expect(missing?.file == folder.path + "/no/file")
        let occupied = #expect(throws: FileError.self) { try AtomicFile.write([1], to: folder.path) }
        #expect(occupied?.kind == .unsupported)
    }
}
