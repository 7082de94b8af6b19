import MartletGraph
import Synchronization

/// Values on their way from one device's memory to another's.
///
/// The host's memory is the processor's: every other device is reached through it.
package enum Transfer {
    private static let tally = Atomic<Int>(0)

    /// Values that were copied between devices in this process.
    package static var count: Int { tally.load(ordering: .relaxed) }

    /// The value in the memory of a backend's device: itself where it lies there already, else a plain copy.
    package static func moved(_ realized: Realized, _ type: TensorType, to backend: any Backend) throws -> Realized {
        let home = realized.buffer.device
        if home == backend.device { return realized }
        guard let source = Backends.backend(for: home) else { throw FlushError.noBackend(home) }
        let plain = try contiguous(realized, type)
        let buffer = try backend.allocate(byteCount: type.byteCount)
        tally.add(1, ordering: .relaxed)
        let address = plain.buffer.address + plain.offset * type.dtype.byteCount
        try withExtendedLifetime(plain) {
            try copy(address, from: source, to: backend, buffer.address, byteCount: type.byteCount)
        }
        return Realized(buffer: buffer)
    }

    private static func copy(
        _ address: UnsafeMutableRawPointer, from source: any Backend, to target: any Backend,
        _ place: UnsafeMutableRawPointer, byteCount: Int
    ) throws {
        if byteCount == 0 { return }
        if target.device == .cpu { return try source.copyToHost(address, place, byteCount: byteCount) }
        if source.device == .cpu { return try target.copyFromHost(address, place, byteCount: byteCount) }
        let host = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64)
        defer { host.deallocate() }
        try source.copyToHost(address, host, byteCount: byteCount)
        try target.copyFromHost(host, place, byteCount: byteCount)
    }

    /// The value in the processor's memory.
    package static func onHost(_ realized: Realized, _ type: TensorType) throws -> Realized {
        if realized.buffer.device == .cpu { return realized }
        guard let host = Backends.backend(for: .cpu) else { throw FlushError.noBackend(.cpu) }
        return try moved(realized, type, to: host)
    }

    /// The value as plain elements on the device it lies on: itself where it is that already.
    package static func contiguous(_ realized: Realized, _ type: TensorType) throws -> Realized {
        if realized.isPlain { return realized }
        // Recorded as a copy, apart from what is pending: a cast to the same type of strided elements, another shape of
        // blocked ones.
        let node = Recording.with(Recording()) {
            let source = Value.leaf(realized, type, device: realized.buffer.device)
            return realized.block != nil
                ? source.reshaped(known: [type.shape.elementCount]).node
                : Value.append(.cast(Cast(type.dtype)), [source], type: type)
        }
        node.retainHandle(0)
        defer { node.releaseHandle(0) }
        try Flush.run(node.result(0))
        guard let made = node.realized(0), made.isPlain else { throw FlushError.lost(node.primitive.family.name) }
        return made
    }
}

extension Backend {
    package var fusesSteps: Bool { true }

    /// For pools that hand out what is asked for.
    package func footprint(byteCount: Int) -> Int { byteCount }

    /// For devices whose memory is the host's.
    package func copyToHost(_ address: UnsafeRawPointer, _ host: UnsafeMutableRawPointer, byteCount: Int) throws {
        host.copyMemory(from: address, byteCount: byteCount)
    }

    /// For devices whose memory is the host's.
    package func copyFromHost(_ host: UnsafeRawPointer, _ address: UnsafeMutableRawPointer, byteCount: Int) throws {
        address.copyMemory(from: host, byteCount: byteCount)
    }
}
