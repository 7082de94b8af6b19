import Foundation

/// A file that is open for writing from its start to its end.
public struct FileWriter: ~Copyable {
    private var descriptor: Int32
    /// The name that errors give to the file.
    private let name: String

    /// Makes a file that must not exist yet.
    package init(creating path: String, reportedAs name: String) throws(FileError) {
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        self.name = name
        guard descriptor >= 0 else { throw .system(errno, file: name, step: "create") }
    }

    /// Opens a file or device that exists.
    package init(opening path: String) throws(FileError) {
        descriptor = open(path, O_WRONLY | O_CLOEXEC)
        name = path
        guard descriptor >= 0 else { throw .system(errno, file: path, step: "open") }
    }

    deinit {
        if descriptor >= 0 { Foundation.close(descriptor) }
    }

    /// Appends bytes.
    ///
    /// - Throws: `FileError` of kind `diskFull` or `inputOutput`.
    public func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
        var rest = bytes
        while let start = rest.baseAddress, rest.count > 0 {
            // The system writes at most 2 GiB at once.
            let written = Foundation.write(descriptor, start, min(rest.count, 1 << 30))
            if written < 0 {
                if errno == EINTR { continue }
                throw .system(errno, file: name, step: "write")
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[written...])
        }
    }

    /// Appends bytes.
    public func write(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try write($0) }
    }

    package func setPermissions(_ permissions: mode_t) throws(FileError) {
        guard fchmod(descriptor, permissions) == 0 else { throw .system(errno, file: name, step: "permissions") }
    }

    /// Waits until the disk has the bytes.
    package func synchronize() throws(FileError) {
        guard fsync(descriptor) == 0 else { throw .system(errno, file: name, step: "flush") }
    }

    /// Closes the file; a failure that was held back until now is reported.
    package consuming func close() throws(FileError) {
        let closing = descriptor
        descriptor = -1  // The end of this function would close it again.
        guard Foundation.close(closing) == 0 else { throw .system(errno, file: name, step: "close") }
    }
}
