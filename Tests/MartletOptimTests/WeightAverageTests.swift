import Foundation
import MartletNN
import MartletOptim
import MartletTensor
import MartletTesting
import Testing

/// Averages, recalibration and clipping against PyTorch's, as scripts/goldens/averages.py took them; and what gradients go
/// through besides.
@Suite("Averages of weights, and gradients before the step")
struct WeightAverageTests {
    private func network() -> Sequential {
        let model = Sequential {
            Linear(3, 4)
            BatchNorm1d(4, momentum: 0.3)
            Linear(4, 2)
        }
        for parameter in model.parameters { parameter.slot.tensor = parameter.value.detached().to(dtype: .float64) }
        for (_, buffer) in model.namedBuffers where buffer.value.dtype == .float32 {
            buffer.value = buffer.value.to(dtype: .float64)
        }
        return model
    }

    private func close(_ found: Tensor, _ wanted: Tensor) -> Bool {
        found.shape == wanted.shape
            && zip(found.array(as: Double.self), wanted.array(as: Double.self)).allSatisfy {
                ($0 - $1).magnitude <= 1e-12 * max(1, $1.magnitude)
            }
    }

    @Test("Averages follow the peer's, and recalibrated statistics are its", arguments: ["exponential", "equal"])
    func averages(_ name: String) throws {
        let file = try GoldenFile("averages")
        let golden = try #require(file.cases.first { $0.name == name })
        let source = try #require(file.cases.first { $0.name == "exponential" })
        let model = network()
        let average = WeightAverage(of: model, golden.number("decay").map { .exponential(decay: $0) } ?? .equal)
        let weights = try model.namedParameters.map {
            try file.required(source, "weights.\($0.name)").to(dtype: .float64)
        }
        for step in 0..<10 {
            for (parameter, rows) in zip(model.parameters, weights) { parameter.update { _ in rows[step] } }
            average.update()
            let own = model.parameters.map { $0.value.array(as: Double.self) }
            try average.evaluating {
                for (name, parameter) in model.namedParameters {
                    let wanted = try file.required(golden, "average.\(name)")[step]
                    #expect(close(parameter.value, wanted), "\(name), step \(step)")
                }
            }
            #expect(model.parameters.map { $0.value.array(as: Double.self) } == own)
        }
        #expect(average.updateCount == 10)
        model.eval()
        average.apply()
        let batches = try file.required(source, "batches").to(dtype: .float64)
        recalibrateBatchNorm(model, over: (0..<3).map { batches[$0] })
        for (name, buffer) in model.namedBuffers where buffer.value.dtype == .float64 {
            #expect(close(buffer.value, try file.required(golden, "buffer.\(name)")), "\(name)")
        }
        #expect(model.namedBuffers.first { $0.name.hasSuffix("tracked") }?.buffer.value.item(as: Int.self) == 3)
        #expect(model.modeSwitches.allSatisfy { !$0.isTraining })
    }

    @Test("An average saved and loaded goes on bit for bit; one that does not fit is refused")
    func savedAverages() throws {
        func shift(_ model: Sequential, _ step: Int) {
            for parameter in model.parameters { parameter.update { $0 * 0.9 + Double(step) } }
        }
        let (first, second) = (network(), network())
        for (a, b) in zip(first.parameters, second.parameters) {
            let (numbers, shape) = (a.value.array(as: Double.self), a.shape)
            b.update { _ in Tensor(numbers, shape: shape, dtype: .float64) }
        }
        let whole = WeightAverage(of: first, .exponential(decay: 0.99, warmsUp: true))
        let rest = WeightAverage(of: second, .exponential(decay: 0.99, warmsUp: true))
        #expect(whole.state.isEmpty)
        for step in 0..<8 {
            shift(first, step)
            shift(second, step)
            whole.update()
            if step == 3 { try rest.load(whole.state) }
            if step > 3 { rest.update() }
        }
        whole.apply()
        rest.apply()
        for (a, b) in zip(first.parameters, second.parameters) {
            #expect(a.value.array(as: Double.self) == b.value.array(as: Double.self))
        }
        var damaged = whole.state
        damaged["average.0.weight"] = .zeros([1])
        damaged["update_count"] = nil
        do throws(StateDictionaryError) {
            try rest.load(damaged)
            Issue.record("loaded")
        } catch {
            #expect(error.missing == ["update_count"] && error.misshapen.count == 1)
        }
    }

    @Test("An average is renewed inside a compiled step as outside")
    func compiledAverages() {
        func run(compiled: Bool) -> [[Float]] {
            withGenerator(seed: 5) {
                let model = Linear(3, 2)
                let optimizer = SGD(model.parameters, learningRate: 0.1)
                let average = WeightAverage(of: model, .equal)
                let body = { (x: Tensor) -> Tensor in
                    optimizer.zeroGradients()
                    let loss = model(x).square().mean()
                    loss.backward()
                    optimizer.step()
                    average.update()
                    return loss
                }
                let step = compile(updating: model, optimizer, average, function: body)
                for turn in 0..<5 {
                    let x = Tensor.full([4, 3], Double(turn + 1))
                    _ = (compiled ? step(x) : body(x)).item()
                }
                #expect(average.updateCount == 5)
                return average.evaluating { model.parameters.map { $0.value.array() } }
            }
        }
        #expect(run(compiled: true) == run(compiled: false))
    }

    @Test("Adaptive clipping scales each unit by its weights' norm")
    func adaptiveClipping() throws {
        let file = try GoldenFile("averages")
        let golden = try #require(file.cases.first { $0.operation == "clipping" })
        let limit = try #require(golden.number("limit"))
        let parameters = try (0..<3).map { index in
            let parameter = Parameter(try file.required(golden, "parameter.\(index)").to(dtype: .float64))
            parameter.gradient = try file.required(golden, "gradient.\(index)").to(dtype: .float64)
            return parameter
        }
        clipGradientsAdaptively(parameters, to: limit)
        for (index, parameter) in parameters.enumerated() {
            let wanted = try file.required(golden, "clipped.\(index)")
            #expect(close(try #require(parameter.gradient), wanted), "parameter \(index)")
            #expect(!close(wanted, try file.required(golden, "gradient.\(index)").to(dtype: .float64)))
        }
    }

    @Test("Noise has its deviation, falls with the steps, and is the generator's")
    func noise() {
        let noise = GradientNoise(variance: 0.25, power: 0.5)
        #expect(noise.deviation(0) == 0.5 && (noise.deviation(15) - 0.25).magnitude < 1e-15)
        func noisy(_ seed: UInt64, step: Int) -> [Double] {
            let (parameter, other) = (Parameter(.zeros([4000], dtype: .float64)), Parameter(.zeros([2])))
            parameter.gradient = .ones([4000], dtype: .float64)
            withGenerator(seed: seed) { noise.add(to: [parameter, other], step: step) }
            #expect(other.gradient == nil)
            return parameter.gradient?.array(as: Double.self) ?? []
        }
        let numbers = noisy(1, step: 15)
        let mean = numbers.reduce(0, +) / 4000
        let variance = numbers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 4000
        #expect((mean - 1).magnitude < 0.02 && (variance.squareRoot() - 0.25).magnitude < 0.01)
        #expect(noisy(1, step: 15) == numbers && noisy(2, step: 15) != numbers)
    }

    @Test("Gradients of parts add up to those of the whole batch, and a shorter last part counts in full")
    func accumulation() {
        let x = withGenerator(seed: 9) { Tensor.randn([8, 3], dtype: .float64) }
        let weight = Parameter(.ones([3], dtype: .float64))
        func loss(_ rows: Tensor) -> Tensor { (rows * weight.value).square().mean() }
        func gradient() -> [Double] {
            defer { weight.gradient = nil }
            return weight.gradient?.array(as: Double.self) ?? []
        }
        loss(x).backward()
        let whole = gradient()
        var accumulation = GradientAccumulation(batches: 4)
        let due = (0..<4).map { accumulation.backward(loss(x.narrow(axis: 0, start: 2 * $0, count: 2))) }
        #expect(due == [false, false, false, true] && accumulation.pending == 0)
        let parts = gradient()
        #expect(zip(whole, parts).allSatisfy { ($0 - $1).magnitude < 1e-14 })
        let hasRest = accumulation.finish([weight])
        #expect(!hasRest)
        _ = (0..<2).map { accumulation.backward(loss(x.narrow(axis: 0, start: 4 * $0, count: 4))) }
        let isDue = accumulation.finish([weight])
        #expect(isDue && accumulation.pending == 0)
        #expect(zip(whole, gradient()).allSatisfy { ($0 - $1).magnitude < 1e-14 })
    }

    @Test("Early stopping waits out its patience, knows the best, and survives a file")
    func earlyStopping() throws {
        var stopping = EarlyStopping(patience: 3, goal: .lowest, minimumChange: 0.1)
        let figures = [1.0, 0.8, 0.75, .nan, 0.6, 0.55, 0.52, 0.51]
        var stops: [Bool] = []
        for figure in figures {
            stops.append(stopping.observe(figure))
            stopping = try JSONDecoder().decode(EarlyStopping.self, from: JSONEncoder().encode(stopping))
        }
        #expect(stops == [false, false, false, false, false, false, false, true])
        #expect(stopping.best == 0.6 && stopping.bestIndex == 4 && !stopping.isLastBest)
        var highest = EarlyStopping(patience: 1, goal: .highest)
        let answers = [0.1, 0.2, 0.2].map { highest.observe($0) }
        #expect(answers == [false, false, true] && !highest.isLastBest && highest.best == 0.2)
        var never = EarlyStopping(patience: 2, goal: .highest)
        let nothing = [Double.nan, .nan].map { never.observe($0) }
        #expect(nothing == [false, true] && never.best == nil)
    }
}
