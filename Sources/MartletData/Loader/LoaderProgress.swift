import Foundation
import MartletTensor

/// What changes in a loader: where it is, where its next loop starts, what went wrong.
///
/// `@unchecked Sendable`: all that changes is touched under `lock` only.
final class LoaderProgress: @unchecked Sendable {
    /// An epoch, and how many of its batches were delivered.
    struct Position: Hashable, Sendable {
        var epoch = 0
        var batch = 0
    }

    /// Where a loop starts.
    typealias Start = (seed: UInt64, position: Position)

    private let lock = Lock()
    private var seed: UInt64
    private var position = Position()
    private var start = Position()
    private var error: (any Error)?
    private var leftOut: [DataLoader.SkippedSample] = []

    init(seed: UInt64) { self.seed = seed }

    var current: Start { lock.withLock { (seed, position) } }
    var skipped: [DataLoader.SkippedSample] { lock.withLock { leftOut } }
    var hasFailed: Bool { lock.withLock { error != nil } }

    /// Starts a loop; the one after it will start an epoch later, wherever this one stops.
    func begin() -> Start {
        lock.withLock {
            position = start
            start = Position(epoch: position.epoch + 1)
            return (seed, position)
        }
    }

    func advance(to position: Position, skipping samples: [DataLoader.SkippedSample]) {
        lock.withLock {
            self.position = position
            leftOut += samples.prefix(max(0, 1000 - leftOut.count))
        }
    }

    func resume(seed: UInt64, _ position: Position) {
        lock.withLock {
            self.seed = seed
            self.position = position
            start = position
            error = nil
        }
    }

    /// Keeps an error for `finish()`, and says at once that there is one: a loop that forgets to call it must not look
    /// like a short epoch.
    func fail(_ error: any Error) {
        lock.withLock { self.error = error }
        FileHandle.standardError.write(Data("DataLoader: the epoch ends early: \(error)\n".utf8))
    }

    func takeError() -> (any Error)? {
        lock.withLock {
            defer { error = nil }
            return error
        }
    }
}
