import MartletNN
import MartletOptim
import MartletTensor
import Testing

/// What L-BFGS, SAM, Lookahead and the schedule-free optimizers do besides their traces.
@Suite("Optimizers around and beside the step")
struct WrappedOptimizerTests {
    private func parameter(_ numbers: [Double]) -> Parameter {
        Parameter(Tensor(numbers, shape: [numbers.count], dtype: .float64))
    }

    /// (1 - x)² + 100·(y - x²)², least at (1, 1).
    private func rosenbrock(_ point: Parameter) -> Tensor {
        let (x, y) = (point.value[0], point.value[1])
        return (1 - x).square() + 100 * (y - x.square()).square()
    }

    @Test("L-BFGS with a line search finds Rosenbrock's valley's end in few losses", arguments: [1, 3, 100])
    func rosenbrockValley(historySize: Int) {
        let point = parameter([-1.2, 1])
        let optimizer = LBFGS(
            [point], iterations: 100, evaluations: 200, gradientTolerance: 1e-9, changeTolerance: 1e-14,
            historySize: historySize)
        var losses = 0
        let first = optimizer.step {
            losses += 1
            let loss = rosenbrock(point)
            loss.backward()
            return loss
        }
        #expect((first.item(as: Double.self) - 24.2).magnitude < 1e-12)
        let found = point.value.array(as: Double.self)
        #expect(found.allSatisfy { ($0 - 1).magnitude < 1e-6 }, "\(found)")
        #expect(losses <= 200 && losses > 10, "\(losses)")
    }

    @Test("L-BFGS goes up where it maximises, and passes frozen parameters by")
    func maximising() {
        let (weight, frozen) = (parameter([3, -2]), parameter([5]))
        frozen.requiresGradient = false
        let optimizer = LBFGS([weight, frozen], maximize: true)
        for _ in 0..<3 {
            optimizer.step {
                let loss =
                    -((weight.value - 1).square() + (weight.value - 1).square().square()).sum() + frozen.value.sum()
                loss.backward()
                return loss
            }
        }
        #expect(weight.value.array(as: Double.self).allSatisfy { ($0 - 1).magnitude < 1e-5 })
        #expect(frozen.value.array(as: Double.self) == [5])
    }

    @Test("A damaged state of L-BFGS is refused with the names")
    func damagedCurvature() throws {
        let weight = parameter([3, -2])
        let optimizer = LBFGS([weight], iterations: 2)
        for _ in 0..<2 {
            optimizer.step {
                let loss = weight.value.square().square().sum()
                loss.backward()
                return loss
            }
        }
        var state = optimizer.state
        #expect(state.tensors["curvature.y.0"] != nil)
        state.tensors["curvature.s.0"] = nil
        state.tensors["curvature.direction"] = .zeros([3], dtype: .float64)
        state.tensors["curvature.more"] = .zeros([1])
        do throws(StateDictionaryError) {
            try optimizer.load(state)
            Issue.record("loaded")
        } catch {
            #expect(error.missing == ["curvature.s.0"] && error.unexpected == ["curvature.more"])
            #expect(error.misshapen.count == 1)
        }
    }

    @Test("SAM's step is at the place where it began, and a second ascent stops")
    func sam() async throws {
        let (weight, plain) = (parameter([1, 2]), parameter([1, 2]))
        // A loss that is a line has one gradient everywhere: SAM's step is the wrapped one's.
        let (sam, sgd) = (SAM(SGD([weight], learningRate: 0.1)), SGD([plain], learningRate: 0.1))
        for _ in 0..<3 {
            sam.step {
                let loss = (3 * weight.value).sum()
                loss.backward()
                return loss
            }
            sgd.zeroGradients()
            (3 * plain.value).sum().backward()
            sgd.step()
        }
        #expect(weight.value.array(as: Double.self) == plain.value.array(as: Double.self))
        // Who prepares the step compares gradients with the weights that it goes from.
        let before = weight.value.array(as: Double.self)
        var seen: [Double] = []
        func evaluate() -> Tensor {
            let loss = weight.value.square().sum()
            loss.backward()
            return loss
        }
        sam.step(evaluate, preparing: { seen = weight.value.array(as: Double.self) })
        #expect(seen == before)
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let weight = Parameter(.ones([2]))
            let sam = SAM(SGD([weight], learningRate: 0.1))
            for _ in 0..<2 {
                weight.value.square().sum().backward()
                sam.ascend()
            }
        }
        let message = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
        #expect(message.contains("SAM.ascend(): went up already"), "\(message.prefix(300))")
    }

    @Test("A state that fits one half of Lookahead only changes neither")
    func lookaheadMisfit() throws {
        func make() -> (Lookahead, Parameter) {
            let weight = parameter([1, 2])
            return (Lookahead(Adam([weight], learningRate: 0.1), period: 2), weight)
        }
        func step(_ optimizer: Optimizer, _ weight: Parameter) {
            optimizer.zeroGradients()
            weight.value.square().sum().backward()
            optimizer.step()
        }
        let (first, a) = make()
        for _ in 0..<3 { step(first, a) }
        let (second, b) = make()
        step(second, b)
        let before = second.state
        var damaged = first.state
        #expect(damaged.tensors["base.0.0.exp_avg"] != nil)
        damaged.tensors["0.0.slow_buffer"] = .zeros([3], dtype: .float64)
        #expect(throws: StateDictionaryError.self) { try second.load(damaged) }
        #expect(second.state.stepCount == before.stepCount && second.base.stepCount == 1)
        #expect(
            second.state.tensors["base.0.0.exp_avg"]?.array(as: Double.self)
                == before.tensors["base.0.0.exp_avg"]?.array(as: Double.self))
    }

    @Test("Schedule-free: evaluation is at the average, training goes on bit for bit, from a file too")
    func scheduleFreeModes() throws {
        func make() -> (ScheduleFreeAdamW, Parameter) {
            let weight = parameter([1, -2, 3])
            return (ScheduleFreeAdamW([weight], learningRate: 0.1, betas: (0.8, 0.99)), weight)
        }
        func step(_ optimizer: Optimizer, _ weight: Parameter) {
            optimizer.zeroGradients()
            (weight.value - 0.5).square().sum().backward()
            optimizer.step()
        }
        let ((straight, a), (switched, b), (loaded, c)) = (make(), make(), make())
        var average = [1.0, -2, 3]
        for turn in 0..<9 {
            step(straight, a)
            step(switched, b)
            let z = try #require(switched.state.tensors["0.0.z"]).array(as: Double.self)
            // A constant rate: x is the plain mean of the z so far.
            for index in average.indices { average[index] += (z[index] - average[index]) / Double(turn + 1) }
            switched.eval()
            for (found, wanted) in zip(b.value.array(as: Double.self), average) {
                #expect((found - wanted).magnitude < 1e-12)
            }
            if turn == 5 {
                try loaded.load(switched.state)
                c.update { _ in b.value.detached() }
                #expect(!loaded.isTraining)
                loaded.train()
            }
            switched.train()
            #expect(a.value.array(as: Double.self) == b.value.array(as: Double.self))
            if turn > 5 {
                step(loaded, c)
                #expect(a.value.array(as: Double.self) == c.value.array(as: Double.self))
            }
        }
    }

    @Test("A step of a schedule-free optimizer in evaluation stops, and Muon refuses vectors")
    func stops() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let weight = Parameter(.ones([2]))
            let optimizer = ScheduleFreeSGD([weight])
            optimizer.eval()
            weight.value.sum().backward()
            optimizer.step()
        }
        let message = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
        #expect(message.contains("ScheduleFreeSGD.step(): the model is in evaluation"), "\(message.prefix(300))")
        let second = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = Muon([Parameter(.ones([2]))])
        }
        let text = String(decoding: try #require(second).standardErrorContent, as: UTF8.self)
        #expect(text.contains("Muon: needs matrices, a parameter's shape is [2]"), "\(text.prefix(300))")
    }

    @Test("A schedule-free optimizer stops for a β of 0 or 1, from which no average could be found")
    func averagingFactor() async throws {
        let first = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = ScheduleFreeSGD([Parameter(.ones([2]))], momentum: 0)
        }
        let text = String(decoding: try #require(first).standardErrorContent, as: UTF8.self)
        #expect(text.contains("ScheduleFreeSGD: the momentum must be above 0 and below 1, it is 0.0"))
        let second = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let group = ParameterGroup([Parameter(.ones([2]))], learningRate: 0.1, betas: (1, 0.99))
            _ = ScheduleFreeAdamW([group])
        }
        let other = String(decoding: try #require(second).standardErrorContent, as: UTF8.self)
        #expect(other.contains("ScheduleFreeAdamW: β₁ must be above 0 and below 1, it is 1.0"))
        let third = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let optimizer = ScheduleFreeSGD([Parameter(.ones([2]))])
            optimizer.groups[0].momentum = 0
            optimizer.eval()
        }
        let late = String(decoding: try #require(third).standardErrorContent, as: UTF8.self)
        #expect(late.contains("ScheduleFreeSGD.eval(): the momentum must be above 0 and below 1, it is 0.0"))
    }

    @Test("Muon takes a convolution's weights as a matrix, and its step has singular values near 1")
    func muonOfConvolutions() {
        let weight = withGenerator(seed: 3) { Parameter(.randn([4, 3, 3, 3], dtype: .float64)) }
        let before = weight.value.array(as: Double.self)
        let optimizer = Muon([weight], learningRate: 1, weightDecay: 0)
        weight.value.square().square().sum().backward()
        optimizer.step()
        let after = weight.value.array(as: Double.self)
        let step = Tensor(zip(before, after).map { $0 - $1 }, shape: [4, 27], dtype: .float64)
        let singular = step.svd().s.array(as: Double.self)
        #expect(singular.allSatisfy { (0.6...1.3).contains($0) }, "\(singular)")
    }

    @Test("A part that had trained before keeps its own count of steps through a save", arguments: [true, false])
    func ownCount(wraps: Bool) throws {
        func take(_ optimizer: Optimizer, _ parameters: [Parameter], _ gradient: Double) {
            for parameter in parameters { parameter.gradient = Tensor([gradient], shape: [1], dtype: .float64) }
            optimizer.step()
        }
        func whole(_ parameters: [Parameter], steps: Int) -> Optimizer {
            let first = Adam([parameters[0]], learningRate: 0.1)
            for _ in 0..<steps { take(first, [parameters[0]], 1) }
            return wraps ? Lookahead(first) : CombinedOptimizer([Adam([parameters[1]], learningRate: 0.1), first])
        }
        let old = [parameter([1]), parameter([1])]
        let optimizer = whole(old, steps: 10)
        take(optimizer, old, 1)
        let new = old.map { Parameter($0.value.detached()) }
        let again = whole(new, steps: 0)
        try again.load(optimizer.state)
        #expect(again.stepCount == 1)
        for gradient in [0, 2.0] {
            take(optimizer, old, gradient)
            take(again, new, gradient)
            for (a, b) in zip(old, new) { #expect(a.value.array(as: Double.self) == b.value.array(as: Double.self)) }
        }
        var damaged = optimizer.state
        let name = wraps ? "base.step_count" : "1.step_count"
        damaged.tensors[name] = Tensor.zeros([2], dtype: .float64)
        let error = #expect(throws: StateDictionaryError.self) { try again.load(damaged) }
        #expect(error?.misshapen.first?.hasPrefix(name) == true)
    }
}
