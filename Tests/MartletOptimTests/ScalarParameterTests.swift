import MartletNN
import MartletOptim
import MartletTensor
import Testing

/// Parameters of rank 0: a temperature, a gate. Until something is read they are numbers of the plan, not elements in memory.
@Suite("Scalar parameters")
struct ScalarParameterTests {
    private static let makers: [(String, @Sendable (Parameter) -> Optimizer)] = [
        ("SGD", { SGD([$0], learningRate: 0.1) }),
        ("SGD with momentum", { SGD([$0], learningRate: 0.1, momentum: 0.9, weightDecay: 0.01) }),
        ("Adam", { Adam([$0], learningRate: 0.1) }),
        ("AdamW", { AdamW([$0], learningRate: 0.1, weightDecay: 0.01) }),
        ("AMSGrad", { Adam([$0], learningRate: 0.1, amsgrad: true) }),
        ("RMSProp", { RMSProp([$0], learningRate: 0.1) }),
    ]

    /// What five steps make of a parameter of that shape, of which nothing is read before the end.
    private func trained(
        _ shape: Shape, _ start: Float, _ make: (Parameter) -> Optimizer, isClipped: Bool,
        _ loss: (Tensor) -> Tensor
    ) -> Float {
        let parameter = Parameter(Tensor.full(shape, start))
        let optimizer = make(parameter)
        for _ in 0..<5 {
            optimizer.zeroGradients()
            loss(parameter.value).backward()
            if isClipped { clipGradientNorm([parameter], to: 0.25) }
            optimizer.step()
        }
        return parameter.value.sum().item()
    }

    @Test("step as parameters of one element do", arguments: makers.indices, [false, true])
    func steps(maker: Int, isClipped: Bool) {
        let (name, make) = Self.makers[maker]
        let data = Tensor([0.5, -1.5, 2.5] as [Float])
        let losses: [(String, (Tensor) -> Tensor)] = [
            ("times data", { ($0 * data).mean() }),
            ("plus data", { (data + $0).sum() }),
            ("times a number", { ($0 * 3).sum() }),
            ("its square", { $0.square().sum() }),
            ("itself", { $0.sum() }),
        ]
        for (kind, loss) in losses {
            for start: Float in [2.6592, 1, 1e-4, 0] {
                let scalar = trained([], start, make, isClipped: isClipped, loss)
                let vector = trained([1], start, make, isClipped: isClipped, loss)
                #expect(abs(scalar - vector) <= 1e-5 * max(1, abs(vector)), "\(name), \(kind), from \(start)")
                if kind == "times a number" { #expect(scalar < start, "\(name): a positive gradient lowers it") }
            }
        }
    }

    @Test("whose gradient is a number count in the norm of all gradients")
    func norm() {
        let (gate, bias) = (Parameter(Tensor.full([], 2)), Parameter(Tensor.full([], 1)))
        (gate.value * 3 + bias.value * 4).backward()
        #expect(clipGradientNorm([gate, bias], to: 1).item() as Float == 5)
        #expect(abs((gate.gradient?.item() ?? 0) - 0.6 as Float) < 1e-5)
    }

    @Test("step the same in a compiled function")
    func compiled() {
        let data = Tensor([0.5, -1.5, 2.5] as [Float])
        func run(_ shape: Shape) -> Float {
            let parameter = Parameter(Tensor.full(shape, 2.6592))
            let optimizer = Adam([parameter], learningRate: 0.1)
            let step = compile(updating: optimizer) { (data: Tensor) -> Tensor in
                optimizer.zeroGradients()
                let loss = (data + parameter.value).sum()
                loss.backward()
                optimizer.step()
                return loss
            }
            for _ in 0..<3 { _ = step(data) }
            return parameter.value.sum().item()
        }
        let (scalar, vector) = (run([]), run([1]))
        #expect(abs(scalar - vector) < 1e-5 && scalar < 2.5)
    }
}
