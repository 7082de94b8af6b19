import Foundation
import MartletFiles
import Testing

@Suite(.enabled(if: LocalServer.isAvailable, "needs python3, curl and timeout"))
struct DownloadTests {
    private let served: Folder
    private let kept: Folder
    private let server: LocalServer
    private let text = Array("what the publisher offers".utf8)

    init() throws {
        served = try Folder()
        kept = try Folder()
        _ = try served.write(text, "file.gz")
        _ = try served.write(Array("an error page in its place".utf8), "wrong.gz")
        server = try LocalServer(serving: served.path)
    }

    private var cache: DataCache { DataCache(folder: kept.path + "/cache") }

    private func remote(_ names: [String], byteCount: Int? = nil, md5: String? = nil) -> RemoteFile {
        let sum = md5 ?? text.withUnsafeBytes { MD5.digest($0) }
        return RemoteFile(
            name: "set/file.gz", urls: names.map { server.address + $0 }, checksum: .md5(sum), byteCount: byteCount)
    }

    @Test func `A file is fetched, checked and kept`() throws {
        var progress: [DownloadProgress] = []
        let path = try cache.fetch(remote(["file.gz"], byteCount: text.count)) { progress.append($0) }
        #expect(path == cache.folder + "/set/file.gz")
        #expect(try contents(path) == text)
        #expect(kept.contents == ["cache", "cache/set", "cache/set/file.gz"])
        #expect(progress.last?.received == text.count)
        #expect(progress.last?.expected == text.count)
        try cache.verify(remote([]))
    }

    @Test func `A file in the cache needs no server`() throws {
        _ = try cache.fetch(remote(["file.gz"]))
        let unreachable = RemoteFile(
            name: "set/file.gz", urls: ["http://127.0.0.1:9/file.gz"], checksum: remote([]).checksum)
        #expect(try contents(cache.fetch(unreachable)) == text)
    }

    @Test func `The next mirror is asked where one lacks the file or sends another`() throws {
        #expect(try contents(cache.fetch(remote(["none.gz", "wrong.gz", "file.gz"]))) == text)
        #expect(kept.contents == ["cache", "cache/set", "cache/set/file.gz"])
    }

    @Test func `A wrong checksum is an error with both sums, and nothing is left`() throws {
        let error = #expect(throws: FileError.self) { try cache.fetch(remote(["wrong.gz"])) }
        #expect(error?.kind == .mismatch)
        #expect(error?.field == "MD5")
        #expect(error?.file == cache.folder + "/set/file.gz")
        #expect(error?.expected == text.withUnsafeBytes { MD5.digest($0) })
        #expect(error?.found == Array("an error page in its place".utf8).withUnsafeBytes { MD5.digest($0) })
        #expect(kept.contents == ["cache", "cache/set"])
    }

    @Test func `A wrong size is an error, and nothing is left`() {
        let error = #expect(throws: FileError.self) { try cache.fetch(remote(["file.gz"], byteCount: text.count + 1)) }
        #expect(error?.kind == .mismatch)
        #expect(error?.field == "size")
        #expect(kept.contents == ["cache", "cache/set"])
    }

    @Test func `A file that no mirror has is an error that names the last address`() {
        let error = #expect(throws: FileError.self) { try cache.fetch(remote(["none.gz", "nothing.gz"])) }
        #expect(error?.kind == .unreachable)
        #expect(error?.field == server.address + "nothing.gz")
        #expect(kept.contents == ["cache", "cache/set"])
    }

    @Test func `What an earlier transfer left of another file is thrown away`() throws {
        try FileManager.default.createDirectory(atPath: cache.folder + "/set", withIntermediateDirectories: true)
        try Data("rubbish of before".utf8).write(to: URL(fileURLWithPath: cache.folder + "/set/file.gz.partial"))
        #expect(try contents(cache.fetch(remote(["file.gz"]))) == text)
        #expect(kept.contents == ["cache", "cache/set", "cache/set/file.gz"])
    }

    @Test func `Many that ask at once get the same whole file`() async throws {
        let (cache, file, text) = (cache, remote(["file.gz"]), text)
        try await withThrowingTaskGroup(of: [UInt8].self) { group in
            for _ in 0..<4 { group.addTask { try contents(cache.fetch(file)) } }
            for try await bytes in group { #expect(bytes == text) }
        }
        #expect(kept.contents == ["cache", "cache/set", "cache/set/file.gz"])
    }

    @Test func `verify finds a file that was changed in the cache`() throws {
        let path = try cache.fetch(remote(["file.gz"]))
        try Data("changed".utf8).write(to: URL(fileURLWithPath: path))
        let error = #expect(throws: FileError.self) { try cache.verify(remote([])) }
        #expect(error?.kind == .mismatch)
    }
}
