import MartletGraph
import MartletNN
import MartletTensor
import MartletTesting
import Testing

/// Compares modules with the cases of a golden file that scripts/goldens/modules.py made: the state by PyTorch's names is
/// loaded, strictly, then values, buffers after the call, and the gradients of inputs and parameters are compared.
struct LayerComparison {
    private let golden: GoldenComparison

    init(_ name: String, float32: GoldenBound, float64: GoldenBound) throws {
        golden = GoldenComparison(try GoldenFile(name), float32: float32, float64: float64)
    }

    /// What a case's module and call are.
    typealias Model = (module: any Module, call: (_ inputs: [String: Tensor]) throws -> [String: Tensor])

    /// Every case of the file whose `operation` is in `operations`; returns the number of them.
    func check(_ operations: Set<String>, _ model: (GoldenCase) throws -> Model) throws -> Int {
        var failures: [String] = []
        let cases = golden.file.cases.filter { operations.contains($0.operation) }
        for entry in cases {
            for (dtype, bound) in golden.bounds {
                failures += try compare(entry, try model(entry), dtype, bound)
            }
        }
        #expect(failures.isEmpty, "\(failures.prefix(20).joined(separator: "\n"))")
        return cases.count
    }

    private func compare(
        _ entry: GoldenCase, _ model: Model, _ dtype: DataType, _ bound: GoldenBound
    ) throws -> [String] {
        var (state, inputs): ([String: Tensor], [String: Tensor]) = ([:], [:])
        for name in entry.inputs {
            let stored = try golden.file.required(entry, name)
            if name.hasPrefix("state.") {
                state[String(name.dropFirst(6))] = stored
            } else {
                let typed = stored.dtype.isFloatingPoint ? stored.to(dtype: dtype) : stored
                inputs[name] = entry.gradients.contains(name) ? typed.requiringGradient() : typed
            }
        }
        try model.module.load(state)
        model.module.to(dtype: dtype).train(entry.isSet("training"))
        var outputs = try model.call(inputs)
        for (name, buffer) in model.module.namedBuffers { outputs["after.\(name)"] = buffer.value }
        var found: [String] = []
        var loss = Tensor.zeros([], dtype: .float64)
        for name in entry.expected {
            guard let output = outputs[name] else { throw GoldenError("\(entry): the call gives no \(name)") }
            if let cotangent = try golden.file.tensor(entry, "cotangent.\(name)") {
                loss = loss + (output.to(dtype: .float64) * cotangent).sum()
            }
            let expected = try golden.file.required(entry, name)
            found += golden.compare(output.detached(), expected, bound, "\(entry) \(dtype) \(name)")
        }
        loss.backward()
        let parameters = Dictionary(
            model.module.namedParameters.map { ($0.name, $0.parameter) }, uniquingKeysWith: { first, _ in first })
        for name in entry.gradients {
            let leaf =
                name.hasPrefix("state.") ? parameters[String(name.dropFirst(6))]?.gradient : inputs[name]?.gradient
            guard let gradient = leaf else { throw GoldenError("\(entry): no gradient arrived at \(name)") }
            let expected = try golden.file.required(entry, "gradient.\(name)")
            found += golden.compare(gradient, expected, bound, "\(entry) \(dtype) gradient of \(name)")
        }
        return found
    }
}
