import MartletCPU
import MartletGraph
import MartletRuntime
import MartletTesting
import Testing

/// The optimizers' kernels against the bodies of their composites, bit by bit.
///
/// The reference evaluates a body node by node and rounds each result to float32, as the rule of execution wants it.
@Suite("Update kernels")
struct UpdateKernelTests {
    private static let decays: [(WeightDecay, [Double])] = [(.none, []), (.l2, [0.013]), (.decoupled, [0.017])]

    /// Lengths around a vector, and one that several chunks share.
    private static let lengths = [1, 7, 16, 37, 20_011]

    private func check(_ update: any Composite, stateCount: Int, _ scalars: [Double], _ length: Int) -> [String] {
        var numbers = CaseNumbers(seed: UInt64(length))
        var inputs = (0..<2 + stateCount).map { _ in numbers.reals([length], .float32, in: -2...2) }
        // Second moments are never negative; some are 0, and some far smaller than epsilon.
        for place in inputs.indices.dropFirst(3) {
            inputs[place] = HostArray(
                inputs[place].type,
                real: inputs[place].reals.enumerated().map { index, x in
                    index % 5 == 0 ? 0 : x * x * (index % 3 == 0 ? 1e-20 : 1)
                })
        }
        let types = inputs.map(\.type) + scalars.map { _ in TensorType([], .float64) }
        let comparison = BackendComparison("\(update)", inputs) { values throws(ShapeError) in
            try Value.record(
                .composite(CompositeCall(update)), values + scalars.map { Value.scalar($0, dtype: .float64) })
        }
        let amsgrad = (update as? AdamUpdate)?.amsgrad ?? false
        let hasKernel = CPUBackend.shared.hasKernel(
            for: update, operands: types.map { OperandLayout(type: $0, block: nil) })
        // AMSGrad has no kernel: its body runs, fused, and owes the same bits.
        let failures = hasKernel == !amsgrad ? [] : ["\(update): a kernel: \(hasKernel)"]
        return failures + comparison.failures(.exact)
    }

    @Test("Gradient descent's kernel gives its body's bits in every form", arguments: lengths)
    func sgd(length: Int) {
        var failures: [String] = []
        for momentum in [SGDUpdate.Momentum.none, .pytorch, .exponentialAverage, .dampened] {
            for nesterov in momentum == .none ? [false] : [false, true] {
                for (decay, decayed) in Self.decays {
                    for maximize in [false, true] {
                        let update = SGDUpdate(
                            momentum: momentum, nesterov: nesterov, weightDecay: decay, maximize: maximize)
                        let own = (momentum == .none ? [] : [0.9]) + (momentum == .dampened ? [0.3] : [])
                        failures += check(
                            update, stateCount: momentum == .none ? 0 : 1, [0.0137] + own + decayed, length)
                    }
                }
            }
        }
        #expect(failures.isEmpty, "\(joined(failures))")
    }

    @Test("Adam's kernel gives its body's bits in every form, AMSGrad's fused body too", arguments: lengths)
    func adam(length: Int) {
        var failures: [String] = []
        for amsgrad in [false, true] {
            for (decay, decayed) in Self.decays {
                for maximize in [false, true] {
                    let update = AdamUpdate(weightDecay: decay, amsgrad: amsgrad, maximize: maximize)
                    // The third step's corrections.
                    let scalars = [0.0137, 0.9, 0.999, 1e-8] + decayed + [1 - 0.729, 1 - 0.997002999]
                    failures += check(update, stateCount: amsgrad ? 3 : 2, scalars, length)
                }
            }
        }
        #expect(failures.isEmpty, "\(joined(failures))")
    }
}
