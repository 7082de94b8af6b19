import Foundation
import MartletFiles

/// Keeps a run's folder to one process. The system lets go of it when the process ends, however it ends.
package final class FolderLock {
    private let descriptor: Int32

    /// - Throws: `FileError` of kind `mismatch` where another run is under way in the folder.
    package init(_ folder: String) throws {
        let path = folder + "/.lock"
        descriptor = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw FileError.system(errno, file: path, step: "open") }
        guard Self.locks(descriptor) else {
            close(descriptor)
            throw FileError(
                .mismatch, file: folder, field: "run folder", expected: "no run under way in it",
                found: "one, of another process")
        }
    }

    /// Tries for a fifth of a second: a child process that is just being started holds its parent's files for a moment, a lock that
    /// was let go of among them.
    private static func locks(_ descriptor: Int32) -> Bool {
        for attempt in 0...20 {
            if attempt > 0 { usleep(10_000) }
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return true }
        }
        return false
    }

    deinit { close(descriptor) }
}
