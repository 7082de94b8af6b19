import MartletCPU
import MartletGraph
import MartletRuntime
import MartletTensor

/// Values in a device's memory for tests, laid out as views leave them.
package enum HostMemory {
    /// How many layouts there are: contiguous, at an offset, transposed, reversed, with gaps.
    package static let layoutCount = 5

    /// The array as a leaf whose elements lie in memory as `layout` says.
    package static func leaf(_ array: HostArray, layout: Int, device: Device? = nil) -> Value {
        let (sizes, count) = (array.shape.sizes, array.count)
        var strides = array.shape.contiguousStrides
        var offset = 0
        var capacity = count
        switch layout % layoutCount {
        case 1:
            offset = 3
            capacity += 3
        case 2:
            strides = Array(Shape(sizes.reversed()).contiguousStrides.reversed())
        case 3:
            if let last = sizes.last, last > 0 {
                offset = last - 1
                strides[strides.count - 1] = -1
            }
        case 4:
            strides = strides.map { $0 * 2 }
            capacity = count * 2
        default: break
        }
        let buffer: Buffer
        do { buffer = try CPUBackend.shared.allocate(byteCount: max(1, capacity) * array.type.dtype.byteCount) } catch {
            stop("test memory: \(error)")
        }
        let walk = IndexWalk(array.shape, strides: strides, start: offset)
        for position in 0..<count {
            switch array.elements {
            case .real(let values):
                array.type.dtype.storeReal(values[position], buffer.address, walk.offset(of: position))
            case .integer(let values):
                array.type.dtype.storeInteger(values[position], buffer.address, walk.offset(of: position))
            }
        }
        do {
            let own = try device.map { try moved(buffer, to: $0) } ?? buffer
            return leaf(array.type, own, offset, strides, device)
        } catch { stop("test memory: \(error)") }
    }

    private static func leaf(
        _ type: TensorType, _ buffer: Buffer, _ offset: Int, _ strides: [Int], _ device: Device?
    ) -> Value {
        let isPlain = offset == 0 && strides == type.shape.contiguousStrides
        return Value.leaf(
            Realized(buffer: buffer, offset: offset, strides: isPlain ? nil : strides), type, device: device)
    }

    /// The whole buffer, gaps and all, in a device's memory.
    private static func moved(_ buffer: Buffer, to device: Device) throws -> Buffer {
        if device == buffer.device { return buffer }
        Runtime.start()
        guard let backend = Backends.backend(for: device) else { throw FlushError.noBackend(device) }
        let moved = try backend.allocate(byteCount: buffer.byteCount)
        try backend.copyFromHost(buffer.address, moved.address, byteCount: buffer.byteCount)
        return moved
    }

    /// The elements of a held value: runs what is pending.
    package static func array(_ value: Value) throws -> HostArray {
        Runtime.start()
        try Flush.run(value)
        guard let realized = value.node.realized(value.index) else {
            throw FlushError.lost(value.node.primitive.family.name)
        }
        return HostArray(reading: try Transfer.onHost(realized, value.type), value.type)
    }
}

extension HostArray {
    /// The first element that differs, in words; numbers within `relative` of the largest and NaN with NaN are equal.
    package func difference(from expected: HostArray, relative: Double = 0) -> String? {
        guard type == expected.type else { return "\(type) instead of \(expected.type)" }
        let (found, wanted) = (reals, expected.reals)
        let scale = wanted.reduce(1) { $1.isFinite ? Swift.max($0, $1.magnitude) : $0 }
        for index in found.indices where found[index] != wanted[index] {
            if found[index].isNaN && wanted[index].isNaN { continue }
            if (found[index] - wanted[index]).magnitude <= relative * scale { continue }
            return "element \(index) is \(found[index]) instead of \(wanted[index])"
        }
        return nil
    }

    /// The first element that differs in a bit.
    package func bitDifference(from expected: HostArray) -> String? {
        guard type == expected.type else { return "\(type) instead of \(expected.type)" }
        if case .integer = elements { return difference(from: expected) }
        for (index, (found, wanted)) in zip(reals, expected.reals).enumerated()
        where found.bitPattern != wanted.bitPattern && !(found.isNaN && wanted.isNaN) {
            return "element \(index) is \(found) instead of \(wanted)"
        }
        return nil
    }
}
