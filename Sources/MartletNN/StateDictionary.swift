import MartletGraph
import MartletTensor

/// Why tensors could not be loaded into a module.
public struct StateDictionaryError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Names the module has and the dictionary lacks.
    public var missing: [String] = []
    /// Names the dictionary has and the module lacks.
    public var unexpected: [String] = []
    /// Names whose shapes differ, with what was expected and found.
    public var misshapen: [String] = []

    /// An error without a name in it: nothing is wrong.
    public init() {}

    /// One line with the names of each kind.
    public var description: String {
        var parts: [String] = []
        if !missing.isEmpty { parts.append("missing: \(missing.joined(separator: ", "))") }
        if !unexpected.isEmpty { parts.append("unexpected: \(unexpected.joined(separator: ", "))") }
        if !misshapen.isEmpty { parts.append("of another shape: \(misshapen.joined(separator: ", "))") }
        return "state dictionary: " + parts.joined(separator: "; ")
    }
}

extension Module {
    /// Parameters and buffers by path, with torchvision's names for the same network.
    public var stateDictionary: [String: Tensor] {
        var result: [String: Tensor] = [:]
        for (name, parameter) in namedParameters { result[name] = parameter.value.detached() }
        for (name, buffer) in namedBuffers { result[name] = buffer.value }
        return result
    }

    /// Puts tensors in place of parameters and buffers, converted to their types; nothing changes where something does not fit.
    ///
    /// With `strict` false, names that only one side has are passed over.
    public func load(_ tensors: [String: Tensor], strict: Bool = true) throws(StateDictionaryError) {
        let own = stateDictionary
        var error = StateDictionaryError()
        if strict {
            error.missing = own.keys.filter { tensors[$0] == nil }.sorted()
            error.unexpected = tensors.keys.filter { own[$0] == nil }.sorted()
        }
        for (name, tensor) in own.sorted(by: { $0.key < $1.key }) {
            guard let found = tensors[name], found.shape != tensor.shape else { continue }
            error.misshapen.append("\(name) (expected \(tensor.shape), found \(found.shape))")
        }
        if error != StateDictionaryError() { throw error }
        for (name, parameter) in namedParameters {
            if let tensor = tensors[name] { parameter.update { _ in tensor.detached() } }
        }
        for (name, buffer) in namedBuffers {
            if let tensor = tensors[name] {
                buffer.value = tensor.to(dtype: buffer.value.dtype).committed(like: buffer.value)
            }
        }
    }
}
