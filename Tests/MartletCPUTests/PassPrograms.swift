import MartletGraph
import MartletNN
import MartletOptim
import MartletTensor

/// Programs that between them meet every pass of the planner: what they compute, as numbers.
enum PassPrograms {
    /// Adam on a perceptron: fused layers, updates side by side.
    static func perceptron(batch: Int = 12) -> [[Float]] {
        withGenerator(seed: 11) {
            let model = Sequential {
                Linear(20, 32)
                ReLU()
                Linear(32, 32)
                Tanh()
                Dropout(0.2)
                Linear(32, 5)
            }
            let optimizer = AdamW(model.parameters, learningRate: 1e-2, weightDecay: 1e-2)
            return train(model, optimizer, steps: 4) {
                (Tensor.randn([batch, 20]), Tensor((0..<batch).map { $0 % 5 }))
            }
        }
    }

    /// Gradients clipped by their norm, then Adam or gradient descent, whose kernels take the factor in, or RMSProp, whose body
    /// does: parameters and the gradients that are left.
    static func clipped(batch: Int = 6) -> [[Float]] {
        withGenerator(seed: 15) {
            let makers: [([Parameter]) -> Optimizer] = [
                { Adam($0, learningRate: 1e-2, weightDecay: 1e-2) }, { SGD($0, learningRate: 0.1, momentum: 0.9) },
                { SGD($0, learningRate: 0.1) }, { RMSProp($0) },
            ]
            return makers.flatMap { make in
                let model = Linear(20, 5)
                let optimizer = make(model.parameters)
                let found = train(model, optimizer, steps: 3, clippingTo: 0.05) {
                    (Tensor.randn([batch, 20]), Tensor((0..<batch).map { $0 % 5 }))
                }
                return found + model.parameters.compactMap { $0.gradient?.array() }
            }
        }
    }

    /// Layers so large that their gradients are used block by block, by several updates: kept, forgotten and clipped; and an
    /// inference. Of each tensor some elements.
    static func wide(batch: Int = 5) -> [[Float]] {
        withGenerator(seed: 16) {
            let makers: [([Parameter]) -> Optimizer] = [
                { AdamW($0, learningRate: 1e-2, weightDecay: 1e-2) }, { SGD($0, learningRate: 0.1, momentum: 0.9) },
                { SGD($0, learningRate: 0.1) }, { RMSProp($0) },
            ]
            // The second layer's weight is large enough to be multiplied in blocks.
            let kinds: [(keeps: Bool, limit: Double?)] = [(false, nil), (true, 0.05), (false, 0.05), (true, nil)]
            return zip(makers, kinds).flatMap { make, kind in
                let model = Sequential {
                    Linear(24, 1050)
                    ReLU()
                    Linear(1050, 1001)
                }
                let found = train(
                    model, make(model.parameters), steps: 2, clippingTo: kind.limit, keepingGradients: kind.keeps
                ) { (Tensor.randn([batch, 24]), Tensor((0..<batch).map { $0 * 100 })) }
                let gradients = model.parameters.compactMap { $0.gradient?.array() }
                model.eval()
                let outputs = withoutGradient { relu(model(Tensor.randn([batch, 24]))).array() }
                return (found + gradients + [outputs]).map(sampled)
            }
        }
    }

    /// Every 37th number.
    private static func sampled(_ numbers: [Float]) -> [Float] {
        stride(from: 0, to: numbers.count, by: 37).map { numbers[$0] }
    }

    /// SGD with momentum on a residual network with batch normalisation, and the same network in evaluation, twice: what is folded
    /// into convolutions, and packed weights met again.
    static func residual(batch: Int = 3, checkpoints: Bool = false) -> [[Float]] {
        withGenerator(seed: 12) {
            let model = ResidualNetwork(checkpoints: checkpoints)
            let optimizer = SGD(model.parameters, learningRate: 0.05, momentum: 0.9)
            var found = train(model, optimizer, steps: 2) {
                (Tensor.randn([batch, 3, 16, 16]), Tensor((0..<batch).map { $0 % 4 }))
            }
            model.eval()
            let images = Tensor.randn([batch, 3, 16, 16])
            withoutGradient { for _ in 0..<2 { found.append(model(images).array()) } }
            return found
        }
    }

    /// Convolutions with biases, rectifiers, and pools side by side and overlapping.
    static func pooled(batch: Int = 3, checkpoints: Bool = false) -> [[Float]] {
        withGenerator(seed: 17) {
            let model = PooledNetwork(checkpoints: checkpoints)
            return train(model, SGD(model.parameters, learningRate: 0.05, momentum: 0.9), steps: 2) {
                (Tensor.randn([batch, 3, 21, 19]), Tensor((0..<batch).map { $0 % 4 }))
            }
        }
    }

    /// The same network in 8-bit integers, in evaluation.
    static func quantized(batch: Int = 3) -> [[Float]] {
        withGenerator(seed: 14) {
            let model = ResidualNetwork(checkpoints: false)
            model.eval()
            let images = Tensor.randn([batch, 3, 16, 16])
            return [QuantizedModel(model, Calibration(of: model, on: [images]))(images).array()]
        }
    }

    /// Softmax, reductions over several axes, views and broadcasts, with second derivatives.
    static func formulas(rows: Int = 7) -> [[Float]] {
        withGenerator(seed: 13) {
            let x = Tensor.randn([rows, 6, 5])
            let f = { (x: Tensor) -> Tensor in
                let weights = (x * 1).softmax(axis: 1)
                let spread = (x - x.mean(axis: 0)).square().sum(axes: [0, 2])
                return (weights.transpose(1, 2) * spread.tanh()).sum()
            }
            let slope = gradient(of: f)
            let curvature = gradient(of: { (x: Tensor) in (slope(x) * x.sin()).sum() })
            return [f(x).array(), slope(x).array(), curvature(x).array()]
        }
    }

    /// Gradients of a product of two parameters behind a dropout, and without one, which read one cotangent, and of small formulas
    /// alike.
    static func siblings(rows: Int = 40) -> [[Float]] {
        withGenerator(seed: 16) {
            let (a, b) = (Parameter(Tensor.randn([rows, 32])), Parameter(Tensor.randn([rows, 32])))
            let small = [5, 9, 17].map { Parameter(Tensor.randn([$0])) }
            let y = matmul(dropout(a.value * b.value, probability: 0.25), Tensor.randn([32, 8]))
            let z = small.reduce(Tensor(0)) { sum, parameter in
                let scaled = (parameter.value.tanh() * 2).reshape([1, -1])
                return sum + matmul(scaled, Tensor.randn([scaled.shape[1], 3])).sum()
            }
            (y.square().sum() + z).backward()
            // Of two factors' derivatives, what both read is made by a product.
            let (c, d) = (Parameter(Tensor.randn([rows, 64])), Parameter(Tensor.randn([rows, 64])))
            matmul(c.value * d.value.sin(), Tensor.randn([64, 3])).tanh().sum().backward()
            // A sum and a product of what a matrix product makes and nobody else reads: the sum is of what was there before.
            let (gamma, beta) = (Parameter(Tensor.full([64], 2)), Parameter(Tensor.zeros([64])))
            let v = Parameter(Tensor.randn([64, 64]))
            let normalized = matmul(Tensor.randn([rows, 64]), v.value) * gamma.value + beta.value
            matmul(normalized, Tensor.randn([64, 10])).square().sum().backward()
            let h = matmul(Tensor.randn([rows, 48]), Tensor.randn([48, 64]))
            let sums = h.sum(axis: 1) + matmul(h.tanh(), Tensor.randn([64, 8])).sum(axis: 1)
            return ([a, b, c, d, v, gamma, beta] + small).map { $0.gradient?.array() ?? [] } + [sums.array()]
        }
    }

    static let all: [(name: String, run: @Sendable () -> [[Float]])] = [
        ("perceptron", { perceptron() }), ("clipped", { clipped() }), ("wide layers", { wide() }),
        ("residual network", { residual() }),
        ("residual network in checkpoints", { residual(checkpoints: true) }),
        ("pooled network", { pooled() }), ("pooled network in checkpoints", { pooled(checkpoints: true) }),
        ("quantized network", { quantized() }), ("formulas", { formulas() }), ("siblings", { siblings() }),
    ]

    /// Losses and, at the end, all that the model holds.
    private static func train(
        _ model: any Layer, _ optimizer: Optimizer, steps: Int, clippingTo limit: Double? = nil,
        keepingGradients: Bool = true, _ batch: () -> (Tensor, Tensor)
    ) -> [[Float]] {
        var found: [[Float]] = []
        for _ in 0..<steps {
            let (x, y) = batch()
            optimizer.zeroGradients()
            let loss = crossEntropy(model(x), y)
            loss.backward()
            if let limit { clipGradientNorm(model.parameters, to: limit) }
            optimizer.step(keepingGradients: keepingGradients)
            found.append(loss.array())
        }
        let state = model.stateDictionary
        return found + state.keys.sorted().map { (state[$0] ?? Tensor([])).to(dtype: .float32).array() }
    }
}

/// A stem and two blocks, all in whole channel blocks.
private final class ResidualNetwork: Layer {
    let stem = Conv2d(3, 16, kernelSize: 3, padding: 1, bias: false)
    let norm = BatchNorm2d(16)
    let first = Block(16)
    let second = Block(16)
    let head = Linear(16, 4)
    let checkpoints: Bool

    init(checkpoints: Bool) { self.checkpoints = checkpoints }

    func callAsFunction(_ x: Tensor) -> Tensor {
        let y = maxPool2d(relu(norm(stem(x))), kernelSize: 2)
        guard checkpoints else { return head(second(first(y)).mean(axes: [2, 3])) }
        let z = checkpoint { first(y) }
        return head(checkpoint { second(z) }.mean(axes: [2, 3]))
    }

    final class Block: Layer {
        let conv1: Conv2d
        let norm1: BatchNorm2d
        let conv2: Conv2d
        let norm2: BatchNorm2d

        init(_ channels: Int) {
            conv1 = Conv2d(channels, channels, kernelSize: 3, padding: 1, bias: false)
            norm1 = BatchNorm2d(channels)
            conv2 = Conv2d(channels, channels, kernelSize: 3, padding: 1, bias: false)
            norm2 = BatchNorm2d(channels)
        }

        func callAsFunction(_ x: Tensor) -> Tensor {
            relu(norm2(conv2(relu(norm1(conv1(x))))) + x)
        }
    }
}

/// Two convolutions, each before a rectifier and a max pool.
private final class PooledNetwork: Layer {
    let first = Conv2d(3, 16, kernelSize: 3)
    let second = Conv2d(16, 32, kernelSize: 3, padding: 1)
    let head = Linear(32, 4)
    let checkpoints: Bool

    init(checkpoints: Bool) { self.checkpoints = checkpoints }

    func callAsFunction(_ x: Tensor) -> Tensor {
        let pooled = { [self] (y: Tensor) in maxPool2d(relu(second(y)), kernelSize: 3, stride: 2) }
        let y = maxPool2d(relu(first(x)), kernelSize: 2)
        return head((checkpoints ? checkpoint { pooled(y) } : pooled(y)).mean(axes: [2, 3]))
    }
}
