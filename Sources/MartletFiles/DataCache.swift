import Foundation

/// A file that several servers offer, and how to recognise it.
public struct RemoteFile: Sendable, Equatable {
    /// How the publisher states a file's checksum, in lower-case hexadecimal digits.
    public enum Checksum: Sendable, Equatable {
        /// An MD5 digest: 32 digits.
        case md5(String)
        /// A SHA-256 digest: 64 digits.
        case sha256(String)
    }

    /// The path in the cache, relative to its folder.
    public let name: String
    /// Addresses that `curl` understands (`https:`, `http:`, `file:`), tried in this order.
    public let urls: [String]
    /// What the file's bytes must digest to.
    public let checksum: Checksum
    /// The size in bytes, where it is known.
    public let byteCount: Int?

    /// A file, by its name in the cache, its addresses and its checksum.
    public init(name: String, urls: [String], checksum: Checksum, byteCount: Int? = nil) {
        self.name = name
        self.urls = urls
        self.checksum = checksum
        self.byteCount = byteCount
    }
}

/// How far a download has come.
public struct DownloadProgress: Sendable, Equatable {
    /// The file's name in the cache.
    public let name: String
    /// The address it comes from.
    public let url: String
    /// Bytes received.
    public let received: Int
    /// Bytes expected, where that is known.
    public let expected: Int?
}

/// A folder of downloaded files, each checked before it appears there under its name.
///
/// Several processes and threads may ask for the same file: one fetches it, the others wait for it.
public struct DataCache: Sendable {
    /// The folder; made when the first file comes.
    public let folder: String

    /// A cache in this folder.
    public init(folder: String) {
        self.folder = folder
    }

    /// The folder that the environment variable `MARTLET_CACHE` names, or else `~/.cache/martlet`.
    public static var standard: DataCache {
        if let folder = ProcessInfo.processInfo.environment["MARTLET_CACHE"], !folder.isEmpty {
            return DataCache(folder: folder)
        }
        return DataCache(folder: NSHomeDirectory() + "/.cache/martlet")
    }

    /// Where a file is, or will be.
    public func path(of file: RemoteFile) -> String { "\(folder)/\(file.name)" }

    /// The path of a file, which is fetched first if it is not there.
    ///
    /// A file appears under its name only when its checksum was found right, so its presence, with the right size
    /// where that is known, is trusted; `verify(_:)` computes the sum again.
    ///
    /// - Parameters:
    ///   - file: what to fetch.
    ///   - progress: called about ten times a second while bytes arrive, on the caller's thread.
    /// - Throws: `FileError` of kind `mismatch` (the last source sent something else), `unreachable` (no source
    ///   answers), `missing` (no `curl`), `permission` or `diskFull`. Nothing is left in the cache but, after an
    ///   interrupted transfer, a file ending in `.partial` from which the next attempt goes on.
    public func fetch(_ file: RemoteFile, progress: ((DownloadProgress) -> Void)? = nil) throws(FileError) -> String {
        let path = path(of: file)
        if isPresent(file) { return path }
        try makeFolder(of: path)
        let lock = try FileLock(path + ".lock")
        if isPresent(file) {
            lock.release()
            return path
        }
        do {
            try Download(file: file, path: path, lock: lock.descriptor, progress: progress).run()
        } catch {
            lock.release()
            throw error
        }
        lock.release()
        return path
    }

    /// Computes the checksum of a file in the cache.
    ///
    /// - Throws: `FileError` of kind `mismatch`, with both sums, or `missing`.
    public func verify(_ file: RemoteFile) throws(FileError) {
        try file.check(path(of: file), reportedAs: path(of: file))
    }

    private func isPresent(_ file: RemoteFile) -> Bool {
        var information = stat()
        guard stat(path(of: file), &information) == 0 else { return false }
        return file.byteCount == nil || file.byteCount == Int(information.st_size)
    }

    private func makeFolder(of path: String) throws(FileError) {
        let folder = (path as NSString).deletingLastPathComponent
        var built = folder.hasPrefix("/") ? "" : "."
        for part in folder.split(separator: "/") {
            built += "/" + part
            if mkdir(built, 0o777) != 0, errno != EEXIST, errno != EISDIR {
                throw .system(errno, file: built, step: "make the folder")
            }
        }
    }
}

extension RemoteFile {
    /// Compares size and checksum of the file at `path`.
    func check(_ path: String, reportedAs name: String) throws(FileError) {
        let contents = try MappedFile(path)
        if let byteCount, contents.byteCount != byteCount {
            throw FileError(
                .mismatch, file: name, field: "size", expected: "\(byteCount) bytes", found: "\(contents.byteCount)")
        }
        let (field, expected): (String, String)
        let actual: String
        switch checksum {
        case .md5(let sum):
            (field, expected) = ("MD5", sum.lowercased())
            actual = contents.withBytes { MD5.digest($0) }
        case .sha256(let sum):
            (field, expected) = ("SHA-256", sum.lowercased())
            actual = contents.withBytes { SHA256.digest($0) }
        }
        guard actual == expected else {
            throw FileError(.mismatch, file: name, field: field, expected: expected, found: actual)
        }
    }
}
