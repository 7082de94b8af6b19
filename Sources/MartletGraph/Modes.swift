/// What surrounds an operation: read once by each, inherited by tasks.
package struct Modes: Sendable, Hashable {
    /// False inside `withoutGradient { }` and while `backward()` records: what is recorded has no history.
    package var recordsHistory = true
    /// True while a derivative is recorded: its operations may be part of training though they have no history.
    package var isDeriving = false
    /// The device of tensors made without one; nil means the process's default.
    package var device: Device?
    /// The type that matrix products and convolutions run in under `autocast`; nil where it is off.
    package var autocast: DataType?

    /// True while `jvp` runs its function: what it writes elsewhere would lose its tangent.
    package var isForward = false

    /// The innermost `checkpoint { }` that is being recorded.
    package var checkpoint: CheckpointRegion?

    /// The layer that is being called, while somebody watches.
    package var origin = Origin.none

    @TaskLocal package static var current = Modes()

    /// Where something is recorded changes nothing: traces and plans of one layer serve another.
    package static func == (left: Modes, right: Modes) -> Bool {
        left.recordsHistory == right.recordsHistory && left.device == right.device && left.autocast == right.autocast
            && left.isForward == right.isForward
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(recordsHistory)
        hasher.combine(device)
        hasher.combine(autocast)
        hasher.combine(isForward)
    }

    /// Runs `body` with `change` made to the modes.
    package static func with<Result>(
        _ change: (inout Modes) -> Void, _ body: () throws -> Result
    ) rethrows -> Result {
        var modes = current
        change(&modes)
        return try $current.withValue(modes, operation: body)
    }
}
