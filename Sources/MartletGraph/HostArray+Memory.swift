// Between a HostArray and memory in the storage types.

extension HostArray {
    /// The elements of a value in host memory.
    package init(reading realized: Realized, _ type: TensorType) {
        let (sizes, strides) = realized.walk(type.shape)
        let walk = IndexWalk(sizes, strides: strides, start: realized.offset)
        self.init(reading: UnsafeRawPointer(realized.buffer.address), walk, type)
    }

    /// The elements at `base` in the order of a walk.
    package init(reading base: UnsafeRawPointer, _ walk: IndexWalk, _ type: TensorType) {
        let positions = 0..<type.shape.elementCount
        if type.dtype.isFloatingPoint {
            self.init(type, real: positions.map { type.dtype.loadReal(base, walk.offset(of: $0)) })
        } else {
            self.init(type, integer: positions.map { type.dtype.loadInteger(base, walk.offset(of: $0)) })
        }
    }

    /// Writes the elements, contiguous, to `address`.
    package func write(to address: UnsafeMutableRawPointer) {
        write(to: address, IndexWalk(shape, strides: shape.contiguousStrides))
    }

    /// Writes the elements to `address` in the order of a walk.
    package func write(to address: UnsafeMutableRawPointer, _ walk: IndexWalk) {
        switch elements {
        case .real(let values):
            for (index, value) in values.enumerated() {
                type.dtype.storeReal(value, address, walk.offset(of: index))
            }
        case .integer(let values):
            for (index, value) in values.enumerated() {
                type.dtype.storeInteger(value, address, walk.offset(of: index))
            }
        }
    }
}

extension DataType {
    /// Element `index` of an array of this type, as a double.
    package func loadReal(_ base: UnsafeRawPointer, _ index: Int) -> Double {
        let offset = index * byteCount
        return switch self {
        case .float32: Double(base.load(fromByteOffset: offset, as: Float.self))
        case .float64: base.load(fromByteOffset: offset, as: Double.self)
        case .bfloat16: Double(BFloat16.float(base.load(fromByteOffset: offset, as: UInt16.self)))
        case .float16: Double(base.load(fromByteOffset: offset, as: Float16.self))
        case .int8, .uint8, .int32, .int64, .bool: Double(loadInteger(base, index))
        }
    }

    /// Element `index` of an array of this type, as an integer; floats are truncated.
    package func loadInteger(_ base: UnsafeRawPointer, _ index: Int) -> Int {
        let offset = index * byteCount
        return switch self {
        case .int8: Int(base.load(fromByteOffset: offset, as: Int8.self))
        case .uint8: Int(base.load(fromByteOffset: offset, as: UInt8.self))
        case .int32: Int(base.load(fromByteOffset: offset, as: Int32.self))
        case .int64: base.load(fromByteOffset: offset, as: Int.self)
        case .bool: base.load(fromByteOffset: offset, as: UInt8.self) == 0 ? 0 : 1
        case .float32, .float64, .bfloat16, .float16: DataType.int64.integer(from: loadReal(base, index))
        }
    }

    package func storeReal(_ value: Double, _ base: UnsafeMutableRawPointer, _ index: Int) {
        let offset = index * byteCount
        switch self {
        case .float32: base.storeBytes(of: Float(value), toByteOffset: offset, as: Float.self)
        case .float64: base.storeBytes(of: value, toByteOffset: offset, as: Double.self)
        case .bfloat16: base.storeBytes(of: BFloat16.bits(Float(value)), toByteOffset: offset, as: UInt16.self)
        case .float16: base.storeBytes(of: Float16(value), toByteOffset: offset, as: Float16.self)
        case .int8, .uint8, .int32, .int64, .bool: storeInteger(integer(from: value), base, index)
        }
    }

    package func storeInteger(_ value: Int, _ base: UnsafeMutableRawPointer, _ index: Int) {
        let offset = index * byteCount
        switch self {
        case .int8: base.storeBytes(of: Int8(truncatingIfNeeded: value), toByteOffset: offset, as: Int8.self)
        case .uint8: base.storeBytes(of: UInt8(truncatingIfNeeded: value), toByteOffset: offset, as: UInt8.self)
        case .int32: base.storeBytes(of: Int32(truncatingIfNeeded: value), toByteOffset: offset, as: Int32.self)
        case .int64: base.storeBytes(of: value, toByteOffset: offset, as: Int.self)
        case .bool: base.storeBytes(of: value == 0 ? 0 : 1, toByteOffset: offset, as: UInt8.self)
        case .float32, .float64, .bfloat16, .float16: storeReal(Double(value), base, index)
        }
    }
}
