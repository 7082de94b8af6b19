import MartletGraph
import MartletNN
import MartletTensor
import Testing

/// Mixed precision.
@Suite("Autocast")
struct AutocastTests {
    private static func network() -> Sequential {
        withGenerator(seed: 3) {
            Sequential {
                Conv2d(3, 16, kernelSize: 3, padding: 1)
                BatchNorm2d(16)
                ReLU()
                Conv2d(16, 32, kernelSize: 3, stride: 2)
                ReLU()
                AdaptiveAvgPool2d(1)
                Flatten()
                Linear(32, 5)
            }
        }
    }

    private static func images() -> Tensor { withGenerator(seed: 4) { Tensor.randn([8, 3, 12, 12]) } }

    @Test("Products and convolutions are narrow inside, what follows keeps their type, losses are float32")
    func types() {
        let (a, b) = (Tensor.ones([3, 4]), Tensor.ones([4, 5]))
        autocast {
            #expect(matmul(a, b).dtype == .bfloat16)
            #expect(linear(a, Tensor.ones([2, 4]), bias: .ones([2])).dtype == .bfloat16)
            #expect(einsum("ij,jk->ik", a, b).dtype == .bfloat16)
            #expect(Conv2d(3, 4, kernelSize: 3)(Tensor.ones([1, 3, 5, 5])).dtype == .bfloat16)
            #expect(ConvTranspose2d(3, 4, kernelSize: 3)(Tensor.ones([1, 3, 5, 5])).dtype == .bfloat16)
            #expect(relu(matmul(a, b)).dtype == .bfloat16)
            #expect(crossEntropy(matmul(a, b), Tensor([0, 1, 2] as [Int])).dtype == .float32)
            #expect(meanSquaredError(matmul(a, b), .ones([3, 5])).dtype == .float32)
            #expect(matmul(a, b).softmax().dtype == .float32)
            #expect(matmul(a.to(dtype: .float64), b.to(dtype: .float64)).dtype == .float64)
            #expect((a + 1).dtype == .float32)
        }
        #expect(autocast(.float16) { matmul(a, b).dtype } == .float16)
        #expect(autocast(isEnabled: false) { matmul(a, b).dtype } == .float32)
        #expect(autocast { autocast(isEnabled: false) { matmul(a, b).dtype } } == .float32)
        #expect(matmul(a, b).dtype == .float32)
    }

    @Test("Normalisation keeps its input's type, its statistics and parameters in float32")
    func normalization() {
        let x = withGenerator(seed: 1) { Tensor.randn([4, 16, 6, 6]) }.to(dtype: .bfloat16)
        let norm = BatchNorm2d(16)
        #expect(norm(x).dtype == .bfloat16)
        #expect(norm.runningMean.value.dtype == .float32)
        norm.eval()
        #expect(norm(x).dtype == .bfloat16)
        #expect(BatchNorm2d(16, affine: false)(x).dtype == .bfloat16)
        #expect(GroupNorm(groups: 4, channels: 16)(x).dtype == .bfloat16)
        #expect(LayerNorm(6)(x).dtype == .bfloat16)
        #expect(RMSNorm([6])(x).dtype == .bfloat16)
        // 1,024 numbers near 256: their mean in 8 bits would be off by whole numbers.
        let far = (withGenerator(seed: 2) { Tensor.randn([2, 1024]) } * 8 + 256).to(dtype: .bfloat16)
        let mean = LayerNorm(1024)(far).to(dtype: .float32).mean(axis: 1).abs().max().item()
        #expect(mean < 0.02)
    }

    @Test("Gradients reach float32 parameters in float32, close to those of float32 training")
    func gradients() {
        let labels = Tensor([0, 1, 2, 3, 4, 0, 1, 2] as [Int])
        func gradients(isEnabled: Bool) -> (loss: Float, all: [Tensor]) {
            let network = Self.network()
            let loss = autocast(isEnabled: isEnabled) { crossEntropy(network(Self.images()), labels) }
            loss.backward()
            return (loss.item(), network.parameters.map { $0.gradient ?? .zeros([]) })
        }
        let (narrow, wide) = (gradients(isEnabled: true), gradients(isEnabled: false))
        #expect(abs(narrow.loss - wide.loss) < 0.02 * wide.loss)
        for (a, b) in zip(narrow.all, wide.all) {
            #expect(a.dtype == .float32)
            let apart = (a - b).square().sum().sqrt().item() / (b.square().sum().sqrt().item() + 1e-3)
            #expect(apart < 0.08, "a gradient of shape \(a.shape) is apart by \(apart)")
        }
    }

    @Test("A step compiled under autocast is another than one without it, and both learn")
    func compiled() {
        let network = Self.network()
        let (x, labels) = (Self.images(), Tensor([0, 1, 2, 3, 4, 0, 1, 2] as [Int]))
        let loss = compile(updating: network) { (x: Tensor) in crossEntropy(network(x), labels) }
        let wide = loss(x).item()
        let narrow = autocast { loss(x).item() }
        #expect(wide != narrow)
        #expect(abs(wide - narrow) < 0.02 * wide)
        #expect(loss(x).item().isFinite)
    }

    @Test("smoothed labels add up to 1 in every type: the gradient of narrow logits does not drift")
    func smoothedNarrowLabels() {
        manualSeed(3)
        let labels = Tensor((0..<4096).map { $0 % 10 })
        for dtype in [DataType.bfloat16, .float16] {
            let logits = Tensor.randn([4096, 10]).to(dtype: dtype).requiringGradient()
            crossEntropy(logits, labels, labelSmoothing: 0.05, reduction: .sum).backward()
            let rows = logits.gradient?.to(dtype: .float64).sum(axis: 1).mean().item(as: Double.self) ?? .nan
            // In bfloat16 alone 0.955 and nine times 0.005 make 0.998.
            #expect(abs(rows) < 2e-4, "\(dtype): \(rows)")
        }
    }
}
