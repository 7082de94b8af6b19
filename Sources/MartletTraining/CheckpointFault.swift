import Foundation
import Synchronization

/// A blow for the torture test to deal: `MARTLET_TEST_KILL=write:piece` in the environment ends the process by SIGKILL
/// inside the named checkpoint's write, counted from 1, after that many of its tensors went out.
enum CheckpointFault {
    private static let writes = Atomic<Int>(0)

    /// Counts a write that begins.
    static func beginWrite() { writes.add(1, ordering: .relaxed) }

    /// Ends the process if this is the piece that the environment names.
    static func strike(beforePiece piece: Int) {
        guard let planned, planned.write == writes.load(ordering: .relaxed), planned.piece == piece else { return }
        kill(getpid(), SIGKILL)
    }

    private static let planned: (write: Int, piece: Int)? = {
        let parts = (ProcessInfo.processInfo.environment["MARTLET_TEST_KILL"] ?? "").split(separator: ":")
        guard parts.count == 2, let write = Int(parts[0]), let piece = Int(parts[1]) else { return nil }
        return (write, piece)
    }()
}
