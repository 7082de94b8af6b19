import MartletCPU
import MartletGraph
import MartletRuntime

/// The only place that names every backend.
package enum Runtime {
    /// Makes the backends known and installs the hooks of recording; the first tensor does it.
    @inline(__always)
    package static func start() { _ = started }

    private static let started: Void = {
        Flush.install()
        Backends.register(CPUBackend.shared)
        Backends.register(ReferenceBackend.shared)
    }()
}

extension Device {
    /// The device of tensors made without one: set it for a task with `withDevice(_:_:)`.
    public static var `default`: Device { Modes.current.device ?? .cpu }

    /// True where an NVIDIA GPU and its driver were found.
    public static var isCUDAAvailable: Bool { false }

    /// A GPU where there is one, else the processor.
    public static var best: Device { isCUDAAvailable ? .cuda(0) : .cpu }
}

/// Runs `body` with `device` as the default for tensors made without one: literals and factories in it are committed to it.
public func withDevice<Result>(_ device: Device, _ body: () throws -> Result) rethrows -> Result {
    try Modes.with({ $0.device = device }, body)
}
