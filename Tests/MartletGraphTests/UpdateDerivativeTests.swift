import MartletGraph
import Testing

/// A step's derivative by everything that goes into it: what differentiating through training stands on.
@Suite("Derivatives of optimizer updates")
struct UpdateDerivativeTests {
    static let updates: [(update: any Composite, stateCount: Int, scalars: [Double])] = [
        (SGDUpdate(), 0, [0.1]),
        (SGDUpdate(momentum: .dampened, weightDecay: .l2), 1, [0.1, 0.9, 0.3, 0.05]),
        (SGDUpdate(momentum: .exponentialAverage, nesterov: true, weightDecay: .decoupled), 1, [0.1, 0.9, 0.05]),
        (AdamUpdate(weightDecay: .l2), 2, [0.1, 0.9, 0.99, 0.01, 0.05, 0.3, 0.2]),
        (
            AdamUpdate(weightDecay: .decoupled, amsgrad: true, maximize: true), 3,
            [0.1, 0.9, 0.99, 0.01, 0.05, 0.3, 0.2]
        ),
        (RMSPropUpdate(), 1, [0.1, 0.9, 0.01]),
        (RMSPropUpdate(hasMomentum: true, decays: true), 2, [0.1, 0.9, 0.01, 0.8, 0.05]),
        (RMSPropUpdate(hasMomentum: true, centered: true, maximize: true), 3, [0.1, 0.9, 0.01, 0.8]),
        (AdagradUpdate(decays: true, maximize: true), 1, [0.1, 1.5, 0.01, 0.05]),
        (AdagradUpdate(starts: true), 1, [0.1, 1.5, 0.01, 0.2]),
    ]

    @Test("A step's derivative is the one of its formula, to second order and forward", arguments: updates.indices)
    func derivatives(_ index: Int) throws {
        let (update, stateCount, scalars) = Self.updates[index]
        var numbers = TestNumbers(seed: UInt64(index + 1))
        let shape: Shape = [3]
        // Second moments are well above the squares of means, and apart from one another: no root at 0, no tie.
        let tensors = (0..<2 + stateCount).map { place in
            let type = TensorType(shape, .float64)
            guard place >= 2 else { return numbers.array(shape) }
            let offset = Double(2 + 3 * (stateCount + 1 - place))
            return HostArray(type, real: numbers.array(shape).reals.map { offset + $0 / 2 })
        }
        let inputs = tensors + scalars.map { HostArray(TensorType([], .float64), real: [$0]) }
        let check = FunctionCheck(inputs) { values throws(ShapeError) in
            try Value.record(.composite(CompositeCall(update)), values)
        }
        try check.reverse()
        try check.second(tolerance: 1e-5)
        try check.forward()
    }

    @Test("Centred RMSProp stays a number where gradients do not change")
    func constantGradient() throws {
        let update = RMSPropUpdate(centered: true)
        func array(_ number: Double) -> HostArray { HostArray(TensorType([1], .float32), real: [number]) }
        let scalars = [0.01, 0.99, 1e-8].map { HostArray(TensorType([], .float64), real: [$0]) }
        var state = [array(1), array(0), array(0)]
        for _ in 0..<3000 {
            state = try evaluated([state[0], array(0.7), state[1], state[2]] + scalars) { values throws(ShapeError) in
                try Value.record(.composite(CompositeCall(update)), values)
            }
        }
        #expect(state[0].reals[0].isFinite)
    }
}
