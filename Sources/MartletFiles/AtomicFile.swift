import Foundation

/// Replaces files so that a reader sees the old contents or the new, never a part, even after a loss of power.
///
/// The new contents go to a temporary file in the same folder, which is flushed to the disk and then renamed over the
/// old one; the folder is flushed last. On any failure the temporary file is removed and the old file stays as it was.
public enum AtomicFile {
    /// Writes a file through `body`.
    ///
    /// The permissions of a file that is replaced are kept.
    ///
    /// - Parameters:
    ///   - path: the file to make or replace; a symbolic link is followed.
    ///   - body: writes the contents.
    /// - Throws: what `body` throws, or `FileError` of kind `missing` (no such folder), `permission`, `diskFull`,
    ///   `inputOutput` or, where `path` names a folder or a device, `unsupported`.
    public static func write(to path: String, _ body: (borrowing FileWriter) throws -> Void) throws {
        let (target, permissions) = try resolve(path)
        let temporary = temporaryPath(beside: target)
        do {
            let writer = try FileWriter(creating: temporary, reportedAs: path)
            try body(writer)
            if let permissions { try writer.setPermissions(permissions) }
            try writer.synchronize()
            try writer.close()
            guard rename(temporary, target) == 0 else { throw FileError.system(errno, file: path, step: "rename") }
        } catch {
            unlink(temporary)
            throw error
        }
        try synchronizeFolder(of: target, file: path)
    }

    /// Writes a file that holds `bytes`.
    public static func write(_ bytes: UnsafeRawBufferPointer, to path: String) throws {
        try write(to: path) { try $0.write(bytes) }
    }

    /// Writes a file that holds `bytes`.
    public static func write(_ bytes: [UInt8], to path: String) throws {
        try bytes.withUnsafeBytes { try write($0, to: path) }
    }

    /// The path behind symbolic links, and the permissions of the file there if there is one.
    private static func resolve(_ path: String) throws(FileError) -> (path: String, permissions: mode_t?) {
        var information = stat()
        guard stat(path, &information) == 0 else {
            // A new file, unless something other than its absence is in the way: opening the temporary file tells.
            return (path, nil)
        }
        guard information.st_mode & S_IFMT == S_IFREG else {
            throw .unsupported(path, "kind of file", expected: "a regular file", found: "a folder or a device")
        }
        guard let resolved = realpath(path, nil) else { throw .system(errno, file: path, step: "resolve") }
        defer { free(resolved) }
        return (String(cString: resolved), information.st_mode & 0o7777)
    }

    private static func temporaryPath(beside path: String) -> String {
        let (folder, name) = split(path)
        let mark = String(UInt64.random(in: 0...UInt64.max), radix: 36)
        return "\(folder)/.\(name).\(getpid()).\(mark).tmp"
    }

    private static func split(_ path: String) -> (folder: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return (".", path) }
        let folder = path[..<slash]
        return (folder.isEmpty ? "/" : String(folder), String(path[path.index(after: slash)...]))
    }

    private static func synchronizeFolder(of path: String, file: String) throws(FileError) {
        let descriptor = open(split(path).folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(errno, file: file, step: "open the folder") }
        defer { close(descriptor) }
        // Some file systems cannot flush a folder and say so with EINVAL; the rename itself has succeeded.
        guard fsync(descriptor) == 0 || errno == EINVAL else {
            throw .system(errno, file: file, step: "flush the folder")
        }
    }
}
