import MartletTensor

extension DataType {
    /// The type in which a stored tensor is computed with; nil for the integers that no tensor has.
    package init?(stored: StoredType) {
        switch stored {
        case .float32: self = .float32
        case .float64: self = .float64
        case .bfloat16: self = .bfloat16
        case .float16: self = .float16
        case .int8: self = .int8
        case .uint8: self = .uint8
        case .int32: self = .int32
        case .int64: self = .int64
        case .bool: self = .bool
        case .int16, .uint16, .uint32, .uint64: return nil
        }
    }

    /// The name of the type in files.
    package var stored: StoredType {
        switch self {
        case .float32: .float32
        case .float64: .float64
        case .bfloat16: .bfloat16
        case .float16: .float16
        case .int8: .int8
        case .uint8: .uint8
        case .int32: .int32
        case .int64: .int64
        case .bool: .bool
        }
    }
}

extension SafetensorsFile {
    /// A tensor of the file, copied into memory of its own.
    ///
    /// - Throws: `FileError` of kind `unsupported` for 16-bit, 32-bit and 64-bit integers that no tensor has.
    public func tensor(_ entry: Entry) throws(FileError) -> Tensor {
        guard let dtype = DataType(stored: entry.type) else {
            throw .unsupported(
                path, "\(entry.name): dtype", expected: "a type that tensors have", found: entry.type.rawValue)
        }
        return withBytes(of: entry) { Tensor(copying: $0, type: TensorType(Shape(entry.shape), dtype)) }
    }

    /// Every tensor of the file by its name.
    public func tensors() throws(FileError) -> [String: Tensor] {
        var result: [String: Tensor] = [:]
        for entry in entries { result[entry.name] = try tensor(entry) }
        return result
    }
}

extension SafetensorsWriter {
    /// Writes tensors by name; what is pending of them is computed first.
    ///
    /// The file is replaced whole or not at all, and is the same bit by bit for the same tensors and metadata.
    ///
    /// - Parameter willWrite: called with each tensor's name before its bytes go out.
    /// - Throws: `FileError`, and what went wrong where a pending value cannot be computed.
    public static func write(
        _ tensors: [String: MartletTensor.Tensor], to path: String, metadata: [String: String] = [:],
        willWrite: (String) -> Void = { _ in }
    ) throws {
        let contents = tensors.map { Tensor(name: $0.key, type: $0.value.dtype.stored, shape: $0.value.shape.sizes) }
        try write(to: path, tensors: contents, metadata: metadata) { entry, write in
            willWrite(entry.name)
            try tensors[entry.name]?.withUnsafeBytes(write)
        }
    }
}
