import MartletGraph
import Testing

/// Numbers for tests, the same in every run.
struct TestNumbers {
    private var state: UInt64
    init(seed: UInt64 = 1) { state = seed &* 0x9E37_79B9_7F4A_7C15 }

    /// Uniform in -1 ..< 1.
    mutating func next() -> Double {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Double(state >> 11) * 0x1p-52 - 1
    }
    mutating func array(_ shape: Shape, _ dtype: DataType = .float64) -> HostArray {
        HostArray(TensorType(shape, dtype), real: (0..<shape.elementCount).map { _ in next() })
    }
}

/// Compares the derivatives and the batching of a function of float64 arrays with central differences and a loop.
struct FunctionCheck {
    typealias Function = ([Value]) throws(ShapeError) -> [Value]
    let inputs: [HostArray]
    let function: Function

    init(_ inputs: [HostArray], _ function: @escaping Function) {
        self.inputs = inputs
        self.function = function
    }

    /// Random inputs of these shapes.
    init(_ shapes: [Shape], seed: UInt64 = 1, _ function: @escaping Function) {
        var numbers = TestNumbers(seed: seed)
        self.init(shapes.map { numbers.array($0) }, function)
    }

    /// The function's floating results.
    func values(_ inputs: [HostArray]) throws -> [HostArray] {
        try ReferenceEvaluation.run(on: inputs) { apply($0) }
    }

    private func apply(_ values: [Value]) -> [Value] {
        do throws(ShapeError) { return try function(values).filter(\.dtype.isFloatingPoint) } catch {
            stop(error.description)
        }
    }

    /// Σ cotangent · result for fixed cotangents: a number that every result has a part in.
    private func weighted(_ outputs: [Value]) -> Value {
        var total = Value.filled(0, TensorType([], .float64))
        for (output, cotangent) in zip(outputs, cotangents(outputs)) { total = total + (output * cotangent).sum() }
        return total
    }

    /// Different for each element, never zero.
    private func cotangents(_ outputs: [Value]) -> [Value] {
        outputs.enumerated().map { index, output in
            let flat = Value.iota([output.shape.elementCount], axis: 0).cast(to: .float64)
            return ((flat + Double(index + 1)) * 0.7).applying(.sin).reshaped(known: output.shape) + 1.1
        }
    }

    private func gradients(_ values: [Value], of body: ([Value]) -> Value) -> [Value] {
        let own = values.map { $0.differentiableAlias() }
        let output = body(own)
        let found = Differentiation.gradients(of: [output], cotangents: [output.ones()], by: own)
        return zip(found, values).map { $0 ?? $1.zeros() }
    }

    // MARK: First and second derivatives

    /// Reverse derivatives by every element against central differences.
    func reverse(tolerance: Double = 1e-6, sourceLocation: SourceLocation = #_sourceLocation) throws {
        try compare("gradient", tolerance, sourceLocation) { weighted(apply($0)) }
    }

    /// Reverse derivatives of a weighted sum of the reverse derivatives.
    func second(tolerance: Double = 1e-6, sourceLocation: SourceLocation = #_sourceLocation) throws {
        try compare("second gradient", tolerance, sourceLocation) { values in
            weighted(gradients(values) { weighted(apply($0)) })
        }
    }

    private func compare(
        _ what: String, _ tolerance: Double, _ sourceLocation: SourceLocation, _ scalar: ([Value]) -> Value
    ) throws {
        let found = try ReferenceEvaluation.run(on: inputs) { gradients($0, of: scalar) }
        for (input, array) in inputs.enumerated() {
            for element in 0..<array.count {
                let step = 1e-5
                let sides = try [step, -step].map { change in
                    try ReferenceEvaluation.run(on: moved(input, element, by: change)) { [scalar($0)] }[0].reals[0]
                }
                let expected = (sides[0] - sides[1]) / (2 * step)
                let actual = found[input].reals[element]
                #expect(
                    isClose(actual, expected, tolerance), "\(what) by element \(element) of input \(input)",
                    sourceLocation: sourceLocation)
            }
        }
    }

    private func moved(_ input: Int, _ element: Int, by change: Double) -> [HostArray] {
        var result = inputs
        var elements = inputs[input].reals
        elements[element] += change
        result[input] = HostArray(inputs[input].type, real: elements)
        return result
    }

    /// Forward derivatives along random tangents of all inputs, and of each one alone, against central differences.
    func forward(tolerance: Double = 1e-6, sourceLocation: SourceLocation = #_sourceLocation) throws {
        var numbers = TestNumbers(seed: 99)
        let directions = inputs.map { numbers.array($0.shape) }
        for chosen in [Array(inputs.indices)] + inputs.indices.map({ [$0] }) {
            let found = try ReferenceEvaluation.run(on: inputs + directions) { values in
                let own = values.prefix(inputs.count).map { $0.differentiableAlias() }
                let tangents = inputs.indices.map { chosen.contains($0) ? values[inputs.count + $0] : nil }
                let outputs = apply(own)
                let carried = Differentiation.tangents(of: outputs, from: own, along: tangents)
                return zip(carried, outputs).map { $0 ?? $1.zeros() }
            }
            let step = 1e-5
            let sides = try [step, -step].map { change in
                try values(
                    inputs.indices.map { index in
                        guard chosen.contains(index) else { return inputs[index] }
                        let sum = zip(inputs[index].reals, directions[index].reals).map { $0 + change * $1 }
                        return HostArray(inputs[index].type, real: sum)
                    })
            }
            for (output, array) in found.enumerated() {
                for (element, actual) in array.reals.enumerated() {
                    let expected = (sides[0][output].reals[element] - sides[1][output].reals[element]) / (2 * step)
                    #expect(
                        isClose(actual, expected, tolerance),
                        "tangent of element \(element) of result \(output), moving inputs \(chosen)",
                        sourceLocation: sourceLocation)
                }
            }
        }
    }

    // MARK: Batching

    /// `vmap` over every choice of batched inputs against a loop.
    func batching(size: Int = 3, tolerance: Double = 1e-9, sourceLocation: SourceLocation = #_sourceLocation) throws {
        for mask in 1..<(1 << inputs.count) {
            let isBatched = inputs.indices.map { mask >> $0 & 1 == 1 }
            var numbers = TestNumbers(seed: UInt64(mask))
            let members = (0..<size).map { _ in
                inputs.indices.map { index -> HostArray in
                    guard isBatched[index] else { return inputs[index] }
                    let noise = inputs[index].reals.map { $0 + 0.3 * numbers.next() }
                    return HostArray(inputs[index].type, real: noise)
                }
            }
            let operands = inputs.indices.map { index -> HostArray in
                guard isBatched[index] else { return inputs[index] }
                let type = TensorType(Shape([size] + inputs[index].shape.sizes), .float64)
                return HostArray(type, real: members.flatMap { $0[index].reals })
            }
            let found = try ReferenceEvaluation.run(on: operands) { values in
                Batching.rewrite(values, isBatched: isBatched, size: size) { apply($0) }
            }
            let expected = try members.map { try values($0) }
            for (output, array) in found.enumerated() {
                let loop = expected.flatMap { $0[output].reals }
                #expect(array.shape.sizes == [size] + expected[0][output].shape.sizes, sourceLocation: sourceLocation)
                #expect(
                    zip(array.reals, loop).allSatisfy { isClose($0, $1, tolerance) } && array.count == loop.count,
                    "result \(output), batched inputs \(isBatched)", sourceLocation: sourceLocation)
            }
        }
    }

    /// Everything.
    func all(tolerance: Double = 1e-6, sourceLocation: SourceLocation = #_sourceLocation) throws {
        try reverse(tolerance: tolerance, sourceLocation: sourceLocation)
        try forward(tolerance: tolerance, sourceLocation: sourceLocation)
        try second(tolerance: tolerance, sourceLocation: sourceLocation)
        try batching(sourceLocation: sourceLocation)
    }
}

/// Equal within `tolerance`, relative to numbers of size 1 and more; both NaN counts.
func isClose(_ actual: Double, _ expected: Double, _ tolerance: Double) -> Bool {
    if actual.isNaN && expected.isNaN || actual == expected { return true }
    return abs(actual - expected) <= tolerance * max(1, abs(expected))
}

/// The results of `body` on arrays, by the reference.
func evaluated(_ inputs: [HostArray], _ body: ([Value]) throws(ShapeError) -> [Value]) throws -> [HostArray] {
    try ReferenceEvaluation.run(on: inputs) { values in
        do throws(ShapeError) { return try body(values) } catch { stop(error.description) }
    }
}

/// Placeholders of these shapes: for shape rules.
func placeholders(_ shapes: [Shape], _ dtype: DataType = .float32) -> [Value] {
    shapes.map { Value.placeholder(TensorType($0, dtype)) }
}

/// The reason with which `body` refuses its shapes.
func refusal(_ body: () throws(ShapeError) -> Void) -> String? {
    do throws(ShapeError) { try body() } catch { return error.description }
    return nil
}
