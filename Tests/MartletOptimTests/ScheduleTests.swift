import MartletNN
import MartletOptim
import MartletRuntime
import MartletTensor
import Synchronization
import Testing

@Suite("Schedules and clipping", .serialized)
struct ScheduleTests {
    private func rates(_ schedule: any Schedule, _ steps: [Int]) -> [Double] { steps.map { schedule($0) } }

    private func expect(_ found: [Double], _ wanted: [Double], sourceLocation: SourceLocation = #_sourceLocation) {
        let isClose = zip(found, wanted).allSatisfy { ($0 - $1).magnitude <= 1e-12 }
        #expect(found.count == wanted.count && isClose, "\(found)", sourceLocation: sourceLocation)
    }

    @Test("Each schedule gives the rates of its formula, and stays at its end")
    func formulas() {
        expect(rates(ConstantRate(0.5), [0, 9]), [0.5, 0.5])
        expect(rates(StepDecay(from: 1, factor: 0.1, every: 3), [0, 2, 3, 6]), [1, 1, 0.1, 0.01])
        expect(
            rates(MultiStepDecay(from: 1, factor: 0.5, milestones: [2, 5]), [1, 2, 4, 5, 9]), [1, 0.5, 0.5, 0.25, 0.25])
        expect(rates(ExponentialDecay(from: 2, factor: 0.5), [0, 1, 3]), [2, 1, 0.25])
        expect(rates(PolynomialDecay(from: 1, to: 0.2, steps: 4, power: 2), [0, 2, 4, 9]), [1, 0.4, 0.2, 0.2])
        expect(
            rates(CosineDecay(from: 1, to: 0.2, steps: 12, warmup: 2), [0, 1, 2, 7, 12, 50]),
            [0.5, 1, 1, 0.6, 0.2, 0.2])
        expect(rates(Warmup(steps: 4, start: 0.2, then: ConstantRate(1)), [0, 3, 4]), [0.4, 1, 1])
        let sequence = ScheduleSequence(
            [(ConstantRate(1), 2), (PolynomialDecay(from: 1, steps: 2), 2)], then: ConstantRate(0.1))
        expect(rates(sequence, [0, 1, 2, 3, 4, 99]), [1, 1, 1, 0.5, 0.1, 0.1])
    }

    @Test("One cycle climbs to its peak and ends as OneCycleLR does")
    func oneCycle() {
        // torch.optim.lr_scheduler.OneCycleLR(max_lr=1, total_steps=10).
        let cycle = OneCycle(peak: 1, steps: 10)
        expect(rates(cycle, [0, 1, 2, 9, 100]), [0.04, 0.52, 1, 0.04 / 1e4, 0.04 / 1e4])
    }

    @Test("Clipping scales all gradients to one norm, and leaves small ones their bits")
    func clipping() {
        let parameters = [Parameter(.zeros([2])), Parameter(.zeros([1])), Parameter(.zeros([3]))]
        (parameters[0].gradient, parameters[1].gradient) = (Tensor([3, 0]), Tensor([-4]))
        #expect(clipGradientNorm(parameters, to: 10).item() == 5)
        #expect(parameters[0].gradient?.array() == [3, 0] && parameters[1].gradient?.array() == [-4])
        #expect(clipGradientNorm(parameters, to: 1).item() == 5)
        for (found, wanted) in zip(
            parameters.prefix(2).flatMap { $0.gradient?.array() ?? [] }, [0.6, 0, -0.8] as [Float])
        {
            #expect((found - wanted).magnitude < 1e-6)
        }
        #expect(parameters[2].gradient == nil)
        parameters[0].gradient = Tensor([3, -0.25])
        clipGradientValue(parameters, to: 0.5)
        #expect(parameters[0].gradient?.array() == [0.5, -0.25])
    }

    @Test(
        "Gradients in 16 bits are clipped by a norm in 32, each in its own type",
        arguments: [DataType.float16, .bfloat16])
    func narrowClipping(dtype: DataType) throws {
        let narrow = Parameter(.zeros([2], dtype: dtype))
        func clipped(_ clip: () -> Void) throws -> [Float] {
            narrow.gradient = Tensor([300, 400]).to(dtype: dtype)
            clip()
            let gradient = try #require(narrow.gradient)
            #expect(gradient.dtype == dtype)
            return gradient.to(dtype: .float32).array()
        }
        func expect(_ found: [Float], _ wanted: [Float]) {
            for (a, b) in zip(found, wanted) { #expect(abs(a - b) < 4e-3, "\(found)") }
        }
        var norm: Float = 0
        expect(try clipped { norm = clipGradientNorm([narrow], to: 1).item() }, [0.6, 0.8])
        #expect(abs(norm - 500) < 1)
        // Beside a large one in 32 bits, whose squares come in pieces.
        let wide = Parameter(.zeros([512, 512]))
        let found = try clipped {
            wide.gradient = matmul(Tensor.ones([512, 16]), Tensor.ones([16, 512]))
            norm = clipGradientNorm([wide, narrow], to: 1).item()
        }
        let whole = (16.0 * 16 * 512 * 512 + 250_000).squareRoot()
        #expect(abs(Double(norm) - whole) < 1)
        expect(found, [Float(300 / whole), Float(400 / whole)])
        // By units: scalars within the limit, then a row beyond it.
        expect(try clipped { clipGradientsAdaptively([narrow], to: 1000, epsilon: 1) }, [300, 400])
        let row = Parameter(.ones([1, 2], dtype: dtype))
        row.gradient = Tensor([300, 400], shape: [1, 2]).to(dtype: dtype)
        clipGradientsAdaptively([row], to: 1)
        let root = Float(2).squareRoot()
        expect(row.gradient?.to(dtype: .float32).array() ?? [], [0.6 * root, 0.8 * root])
    }

    @Test("Another rate makes no new plan")
    func ratesAreArguments() {
        let parameter = Parameter(.randn([11]))
        let optimizer = Adam([parameter], learningRate: 0.1)
        // Counted in this task alone: other suites make plans meanwhile.
        let count = Mutex(0)
        var made: [Int] = []
        let watcher: @Sendable (Plan) -> Void = { _ in count.withLock { $0 += 1 } }
        Planner.$watcher.withValue(watcher) {
            for step in 0..<6 {
                optimizer.learningRate = 0.1 / Double(step + 1)
                optimizer.zeroGradients()
                (parameter.value * parameter.value).sum().backward()
                clipGradientNorm([parameter], to: 1)
                optimizer.step()
                made.append(count.withLock { $0 })
            }
        }
        #expect(made[0] > 0)
        #expect(Set(made.dropFirst(2)).count == 1, "\(made)")
    }
}
