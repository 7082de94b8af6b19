import Foundation
import MartletFiles

/// A run's checkpoints: the newest few are kept, and an older one goes only when a newer one is safely on the disk.
struct CheckpointStore {
    let folder: RunFolder
    /// How many are kept.
    let kept: Int

    init(_ folder: RunFolder, keeping kept: Int) {
        self.folder = folder
        self.kept = max(1, kept)
        removeLeftovers()
    }

    /// Writes a checkpoint, then removes all but the newest `kept` up to it. One of a later step could not be read, else the
    /// run would have gone on from there.
    func save(_ checkpoint: Checkpoint) throws {
        try checkpoint.write(to: folder.checkpointPath(step: checkpoint.position.step))
        let step = checkpoint.position.step
        let others = folder.checkpoints().filter { $0.step != step }
        for old in others.filter({ $0.step < step }).dropLast(kept - 1) { unlink(old.path) }
        for unreadable in others where unreadable.step > step { unlink(unreadable.path) }
    }

    /// The newest checkpoint that can be read; nil where there is none at all.
    ///
    /// - Throws: the newest one's error where none of them can be read.
    func latest() throws -> Checkpoint? {
        var failure: (any Error)?
        for (_, path) in folder.checkpoints().reversed() {
            do { return try Checkpoint(contentsOf: path) } catch { failure = failure ?? error }
        }
        if let failure { throw failure }
        return nil
    }

    /// Half-written files of a process that was killed: no reader ever sees them, they only take room.
    private func removeLeftovers() {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.checkpointsPath)) ?? []
        for name in names where name.hasPrefix(".step-") && name.hasSuffix(".tmp") {
            unlink("\(folder.checkpointsPath)/\(name)")
        }
    }
}
