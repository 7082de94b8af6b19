import MartletGraph
import Testing

@Suite("Optimizer updates")
struct OptimizerUpdateTests {
    private let shape: Shape = [2, 3]

    private func run(
        _ composite: any Composite, _ tensors: [[Double]], _ scalars: [Double], _ dtype: DataType = .float64
    )
        throws -> [HostArray]
    {
        let inputs =
            tensors.map { HostArray(TensorType(shape, dtype), real: $0) }
            + scalars.map { HostArray(TensorType([], .float64), real: [$0]) }
        return try evaluated(inputs) { values throws(ShapeError) in
            try Value.record(.composite(CompositeCall(composite)), values)
        }
    }

    private func numbers(_ seed: UInt64) -> [Double] {
        var numbers = TestNumbers(seed: seed)
        return (0..<shape.elementCount).map { _ in numbers.next() }
    }

    @Test("Gradient descent equals its formula in every form")
    func sgd() throws {
        let (rate, beta, decay) = (0.1, 0.9, 0.01)
        let (p, g, v) = (numbers(1), numbers(2), numbers(3))
        for momentum in [SGDUpdate.Momentum.none, .pytorch, .exponentialAverage] {
            for nesterov in [false, true] {
                for weightDecay in [WeightDecay.none, .l2, .decoupled] {
                    for maximize in [false, true] {
                        let update = SGDUpdate(
                            momentum: momentum, nesterov: nesterov, weightDecay: weightDecay, maximize: maximize)
                        let state = momentum == .none ? [] : [v]
                        let scalars = [rate] + (momentum == .none ? [] : [beta]) + (weightDecay == .none ? [] : [decay])
                        let found = try run(update, [p, g] + state, scalars)
                        #expect(found.count == 1 + state.count)
                        for i in p.indices {
                            var gradient = maximize ? -g[i] : g[i]
                            if weightDecay == .l2 { gradient += decay * p[i] }
                            let start = weightDecay == .decoupled ? p[i] * (1 - rate * decay) : p[i]
                            if momentum == .exponentialAverage { gradient *= 1 - beta }
                            let moved = beta * v[i] + gradient
                            var step = gradient
                            if momentum != .none { step = nesterov ? beta * moved + gradient : moved }
                            #expect(isClose(found[0].reals[i], start - rate * step, 1e-14), "\(update)")
                            if momentum != .none { #expect(isClose(found[1].reals[i], moved, 1e-14), "\(update)") }
                        }
                    }
                }
            }
        }
    }

    @Test("Adam equals its formula in every form over three steps")
    func adam() throws {
        // A β₂ this small lets v fall, so that AMSGrad's largest v differs from it.
        let (rate, beta1, beta2, epsilon, decay) = (0.1, 0.9, 0.3, 1e-8, 0.01)
        for weightDecay in [WeightDecay.none, .l2, .decoupled] {
            for amsgrad in [false, true] {
                let update = AdamUpdate(weightDecay: weightDecay, amsgrad: amsgrad)
                var p = numbers(1)
                var state = Array(repeating: [Double](repeating: 0, count: p.count), count: amsgrad ? 3 : 2)
                var (m, v, largest) = (state[0], state[0], state[0])
                var expected = p
                var (power1, power2) = (1.0, 1.0)
                for step in 1...3 {
                    let g = numbers(UInt64(10 + step)).map { $0 / Double(step) }
                    power1 *= beta1
                    power2 *= beta2
                    let scalars =
                        [rate, beta1, beta2, epsilon] + (weightDecay == .none ? [] : [decay]) + [
                            1 - power1, 1 - power2,
                        ]
                    let found = try run(update, [p, g] + state, scalars)
                    p = found[0].reals
                    state = found.dropFirst().map(\.reals)
                    for i in p.indices {
                        let gradient = weightDecay == .l2 ? g[i] + decay * expected[i] : g[i]
                        if weightDecay == .decoupled { expected[i] *= 1 - rate * decay }
                        m[i] = beta1 * m[i] + (1 - beta1) * gradient
                        v[i] = beta2 * v[i] + (1 - beta2) * gradient * gradient
                        largest[i] = max(largest[i], v[i])
                        let size = ((amsgrad ? largest[i] : v[i]) / (1 - power2)).squareRoot() + epsilon
                        expected[i] -= rate * (m[i] / (1 - power1)) / size
                        #expect(isClose(p[i], expected[i], 1e-13), "\(update), step \(step)")
                    }
                }
            }
        }
    }

    @Test("The first step of Adam moves every element by the learning rate, whatever its gradient's size")
    func firstStep() throws {
        let update = AdamUpdate(maximize: true)
        let found = try run(
            update, [[0, 0, 0, 0, 0, 0], [1e-3, 1, 1e3, -1e-3, -1, -1e3], [0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]],
            [0.01, 0.9, 0.999, 1e-12, 1 - 0.9, 1 - 0.999])
        for (actual, expected) in zip(found[0].reals, [0.01, 0.01, 0.01, -0.01, -0.01, -0.01]) {
            #expect(isClose(actual, expected, 1e-10))
        }
    }

    @Test("A bfloat16 parameter is rounded once a step and its results keep their types")
    func halfPrecision() throws {
        let found = try run(
            SGDUpdate(momentum: .pytorch), [numbers(1), numbers(2), numbers(3)], [0.1, 0.9], .bfloat16)
        let inputs = try run(SGDUpdate(), [numbers(1), numbers(2)], [0.1], .bfloat16)
        #expect(found.allSatisfy { $0.type.dtype == .bfloat16 } && inputs[0].type.dtype == .bfloat16)
        let (p, g) = (
            numbers(1).map { DataType.bfloat16.rounded($0) }, numbers(2).map { DataType.bfloat16.rounded($0) }
        )
        for i in p.indices {
            let product = DataType.float32.rounded(DataType.float32.rounded(0.1) * g[i])
            #expect(inputs[0].reals[i] == DataType.bfloat16.rounded(DataType.float32.rounded(p[i] - product)))
        }
    }

    @Test("What does not fit is named")
    func errors() throws {
        func message(_ composite: any Composite, _ types: [TensorType]) -> String {
            let values = types.map { Value.placeholder($0) }
            return refusal { () throws(ShapeError) in
                _ = try Value.record(.composite(CompositeCall(composite)), values)
            } ?? ""
        }
        let tensor = TensorType([2], .float32)
        let scalar = TensorType([], .float32)
        #expect(message(SGDUpdate(), [tensor, TensorType([3], .float32), scalar]).contains("one shape"))
        #expect(message(SGDUpdate(), [tensor, tensor, tensor]).contains("learning rate should be a floating scalar"))
        #expect(message(AdamUpdate(), [tensor, tensor]).contains("beta1"))
    }
}
