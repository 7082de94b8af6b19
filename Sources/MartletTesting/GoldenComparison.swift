import MartletGraph
import MartletTensor

/// How far a result may be from a golden value: |a - e| ≤ relative·|e| + absolute + scaled·max|e|.
package struct GoldenBound: Sendable {
    package let relative: Double
    package let absolute: Double
    package let scaled: Double

    package init(relative: Double, absolute: Double = 0, scaled: Double = 0) {
        self.relative = relative
        self.absolute = absolute
        self.scaled = scaled
    }
}

/// Compares an operation with the cases of a golden file: values, and gradients by the recorded cotangents.
///
/// Floating inputs are taken once as float64 and once as float32, each with its own bound.
package struct GoldenComparison {
    package let file: GoldenFile
    package let bounds: [(dtype: DataType, bound: GoldenBound)]

    package init(_ file: GoldenFile, float32: GoldenBound, float64: GoldenBound) {
        self.file = file
        bounds = [(.float64, float64), (.float32, float32)]
    }

    /// What does not agree, in words; empty where all does. `function` gives the results in the order of `expected`.
    package func failures(of golden: GoldenCase, _ function: ([Tensor]) throws -> [Tensor]) throws -> [String] {
        let stored = try golden.inputs.map { try file.required(golden, $0) }
        let isFloating = stored.contains(where: \.dtype.isFloatingPoint)
        return try (isFloating ? bounds : Array(bounds.prefix(1))).flatMap { dtype, bound in
            let inputs = stored.map { $0.dtype.isFloatingPoint ? $0.to(dtype: dtype) : $0 }
            let (outputs, gradients) = try run(golden, inputs, function)
            guard outputs.count == golden.expected.count else {
                return ["\(golden): \(outputs.count) results, expected \(golden.expected)"]
            }
            var found: [String] = []
            for (name, output) in zip(golden.expected, outputs) {
                found += compare(output, try file.required(golden, name), bound, "\(golden) \(dtype) \(name)")
            }
            for (name, gradient) in zip(golden.gradients, gradients) {
                let expected = try file.required(golden, "gradient.\(name)")
                found += compare(gradient, expected, bound, "\(golden) \(dtype) gradient of \(name)")
            }
            return found
        }
    }

    private func run(
        _ golden: GoldenCase, _ inputs: [Tensor], _ function: ([Tensor]) throws -> [Tensor]
    ) throws -> (outputs: [Tensor], gradients: [Tensor]) {
        if golden.gradients.isEmpty { return (try function(inputs), []) }
        let leaves = zip(golden.inputs, inputs).map { golden.gradients.contains($0) ? $1.requiringGradient() : $1 }
        let outputs = try function(leaves)
        var total = Tensor.zeros([], dtype: .float64)
        for (name, output) in zip(golden.expected, outputs) {
            guard let cotangent = try file.tensor(golden, "cotangent.\(name)") else { continue }
            total = total + (output.to(dtype: .float64) * cotangent).sum()
        }
        total.backward()
        let gradients = try golden.gradients.map { name -> Tensor in
            guard let index = golden.inputs.firstIndex(of: name), let gradient = leaves[index].gradient else {
                throw GoldenError("\(golden): no gradient arrived at \(name)")
            }
            return gradient
        }
        return (outputs.map { $0.detached() }, gradients)
    }

    /// What does not agree of one tensor, in words; empty where all does.
    package func compare(_ actual: Tensor, _ expected: Tensor, _ bound: GoldenBound, _ place: String) -> [String] {
        guard actual.shape == expected.shape else {
            return ["\(place): shape \(actual.shape), expected \(expected.shape)"]
        }
        guard actual.dtype.isFloatingPoint == expected.dtype.isFloatingPoint else {
            return ["\(place): type \(actual.dtype), expected \(expected.dtype)"]
        }
        if !expected.dtype.isFloatingPoint {
            let (found, wanted) = (actual.array(as: Int.self), expected.array(as: Int.self))
            return found == wanted ? [] : ["\(place): \(found), expected \(wanted)"]
        }
        // What the type cannot hold is not asked of it.
        let wanted = expected.array(as: Double.self).map { actual.dtype == .float32 ? Double(Float($0)) : $0 }
        let scale = wanted.filter(\.isFinite).map(\.magnitude).max() ?? 0
        for (index, (found, wanted)) in zip(actual.array(as: Double.self), wanted).enumerated() {
            if found == wanted || found.isNaN && wanted.isNaN { continue }
            let limit = bound.relative * wanted.magnitude + bound.absolute + bound.scaled * scale
            if !((found - wanted).magnitude <= limit) || !wanted.isFinite {
                return ["\(place): element \(index) is \(found), expected \(wanted) within \(limit)"]
            }
        }
        return []
    }
}
