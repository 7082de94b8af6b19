import Foundation

/// A file's bytes, mapped into memory for reading: pages are read when they are touched, and shared between processes.
///
/// The mapping lives as long as the object. A file that another process shortens meanwhile makes reads of the lost
/// part fail with `SIGBUS`; writers that replace files by renaming, as `AtomicFile` does, never cause that.
public final class MappedFile: Sendable {
    /// The path as it was given.
    public let path: String
    /// The file's size.
    public let byteCount: Int
    // An integer rather than a pointer: the memory is read-only and never moves, so it may be shared between threads.
    private let address: UInt

    /// Maps a whole regular file.
    ///
    /// - Throws: `FileError` with kind `missing`, `permission` or `inputOutput`; `unsupported` for a folder or a device.
    public init(_ path: String) throws(FileError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system(errno, file: path, step: "open") }
        defer { close(descriptor) }
        var information = stat()
        guard fstat(descriptor, &information) == 0 else { throw .system(errno, file: path, step: "stat") }
        guard information.st_mode & S_IFMT == S_IFREG else {
            throw .unsupported(path, "kind of file", expected: "a regular file", found: "a folder or a device")
        }
        self.path = path
        byteCount = Int(information.st_size)
        if byteCount == 0 {
            address = 0
            return
        }
        guard let start = mmap(nil, byteCount, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED else {
            throw .system(errno, file: path, step: "map")
        }
        address = UInt(bitPattern: start)
    }

    deinit {
        if let start = UnsafeMutableRawPointer(bitPattern: address) { munmap(start, byteCount) }
    }

    /// The bytes; valid while this object is alive. `withBytes(_:)` keeps it alive by itself.
    package var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: UnsafeRawPointer(bitPattern: address), count: byteCount)
    }

    /// Calls `body` with the bytes, which must not leave it.
    public func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        defer { withExtendedLifetime(self) {} }
        return try body(bytes)
    }
}

/// The whole of a small file.
package func readFile(_ path: String) throws(FileError) -> [UInt8] {
    try MappedFile(path).withBytes { [UInt8]($0) }
}
