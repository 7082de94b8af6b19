import MartletFiles
import MartletNN
import MartletTensor

extension Module {
    /// Writes parameters and buffers, by their paths, into a safetensors file that PyTorch reads too.
    ///
    ///     try model.save(to: "net.safetensors")
    ///
    /// The file is replaced whole or not at all, and is the same bit by bit for the same values.
    ///
    /// - Parameter metadata: texts for the file's header.
    /// - Throws: `FileError`.
    public func save(to path: String, metadata: [String: String] = [:]) throws {
        try SafetensorsWriter.write(stateDictionary, to: path, metadata: metadata)
    }

    /// Reads what ``save(to:metadata:)`` wrote, or PyTorch for the same network; nothing changes where something does not fit.
    ///
    /// - Parameter strict: where false, names that only the file or only the model has are passed over.
    /// - Throws: `FileError`; of kind `mismatch`, with the tensors' names, where the file is of another network.
    public func load(from path: String, strict: Bool = true) throws {
        let tensors = try SafetensorsFile(path).tensors()
        do {
            try load(tensors, strict: strict)
        } catch {
            throw FileError(
                .mismatch, file: path, field: "tensors", expected: "those of \(Self.self)", found: error.description)
        }
    }
}
