import MartletNN
import MartletOptim
import MartletTensor
import MartletTesting
import Testing

/// A thousand steps of each optimizer against the peer's, or against its paper's formula, as
/// scripts/goldens/optimizer_traces.py took them.
@Suite("Optimizer traces")
struct OptimizerTraceTests {
    static let names: [String] = {
        let cases = (try? GoldenFile("optimizer_traces").cases) ?? []
        return cases.filter { $0.operation != "problem" }.map(\.name)
    }()

    private func golden(_ name: String) throws -> (file: GoldenFile, golden: GoldenCase, steps: [Int]) {
        let file = try GoldenFile("optimizer_traces")
        guard let golden = file.cases.first(where: { $0.name == name }),
            let steps = file.cases.first(where: { $0.operation == "problem" })?.integers("steps")
        else { throw GoldenError("no case \(name)") }
        return (file, golden, steps)
    }

    /// The steps are 1001, but for a line search as far as the peer agrees with itself.
    @Test("Every optimizer follows its golden trace within 1e-9", arguments: names)
    func traces(_ name: String) throws {
        let (file, golden, steps) = try golden(name)
        let problem = try TraceProblem(file, golden)
        let optimizer = try golden.makeOptimizer(problem.parameters)
        let wanted = try golden.expected.map { try file.required(golden, $0).array(as: Double.self) }
        var compared = 0
        let until = Int(try golden.required("until"))
        #expect(until == 1001 || golden.operation == "LBFGS")
        for step in 0..<until {
            problem.take(step, optimizer)
            guard let row = steps.firstIndex(of: step + 1) else { continue }
            for (parameter, wanted) in zip(problem.parameters, wanted) {
                let count = parameter.shape.elementCount
                let wanted = wanted[row * count..<(row + 1) * count]
                let scale = wanted.map(\.magnitude).max() ?? 0
                for (found, wanted) in zip(parameter.value.array(as: Double.self), wanted) {
                    let error = (found - wanted).magnitude / scale
                    if !(error < 1e-9) {
                        Issue.record("\(name), step \(step + 1): \(found) instead of \(wanted)")
                        return
                    }
                    compared += 1
                }
            }
        }
        #expect(compared == wanted.reduce(0) { $0 + $1.count } && compared > 0)
        #expect(optimizer.stepCount == until)
    }

    @Test("The golden file has every optimizer")
    func completeness() throws {
        let operations = Set(try GoldenFile("optimizer_traces").cases.map(\.operation))
        #expect(
            operations.subtracting(["problem"]) == [
                "SGD", "SGDAverage", "Adagrad", "AdaDelta", "RMSProp", "Adam", "AdamW", "Adamax", "NAdam", "RAdam",
                "Adafactor",
                "Muon", "LBFGS", "Lion", "LAMB", "LARS", "ScheduleFreeSGD", "ScheduleFreeAdamW",
            ])
    }

    @Test("A state saved in the middle and loaded elsewhere goes on bit for bit", arguments: names)
    func resumes(_ name: String) throws {
        let (file, golden, _) = try golden(name)
        for dtype in [DataType.float64, .float32, .bfloat16] {
            let (whole, half, rest) = (
                try TraceProblem(file, golden, dtype: dtype), try TraceProblem(file, golden, dtype: dtype),
                try TraceProblem(file, golden, dtype: dtype)
            )
            let first = try golden.makeOptimizer(whole.parameters)
            let second = try golden.makeOptimizer(half.parameters)
            let third = try golden.makeOptimizer(rest.parameters)
            for step in 0..<40 { whole.take(step, first) }
            for step in 0..<17 { half.take(step, second) }
            for (copy, parameter) in zip(rest.parameters, half.parameters) {
                let numbers = parameter.value.array(as: Double.self)
                copy.update { Tensor(numbers, shape: $0.shape, dtype: $0.dtype) }
            }
            let saved = second.state
            third.learningRate = 77
            try third.load(saved)
            for step in 17..<40 { rest.take(step, third) }
            for (a, b) in zip(whole.parameters, rest.parameters) {
                let (a, b) = (a.value.array(as: Double.self), b.value.array(as: Double.self))
                #expect(a.map(\.bitPattern) == b.map(\.bitPattern), "\(name), \(dtype)")
            }
            #expect(third.stepCount == 40)
        }
    }

    @Test("A compiled step equals an eager one bit for bit", arguments: names)
    func compiled(_ name: String) throws {
        let (file, golden, _) = try golden(name)
        // A line search reads its losses.
        if golden.operation == "LBFGS" { return }
        let (eager, fixed) = (
            try TraceProblem(file, golden, dtype: .float32), try TraceProblem(file, golden, dtype: .float32)
        )
        let (first, second) = (try golden.makeOptimizer(eager.parameters), try golden.makeOptimizer(fixed.parameters))
        func body(_ problem: TraceProblem, _ optimizer: Optimizer) -> Tensor {
            optimizer.zeroGradients()
            let loss = problem.loss(0)
            loss.backward()
            if let sam = optimizer as? SAM {
                sam.ascend()
                problem.loss(0).backward()
            }
            optimizer.step()
            return loss
        }
        let step = compile(updating: second) { (scale: Tensor) -> Tensor in scale * body(fixed, second) }
        for turn in 0..<16 {
            let rate = first.learningRate * (turn == 8 ? 0.5 : 1)
            (first.learningRate, second.learningRate) = (rate, rate)
            _ = body(eager, first).item()
            _ = step(Tensor(1)).item()
            for (a, b) in zip(eager.parameters, fixed.parameters) {
                #expect(a.value.array().map(\.bitPattern) == b.value.array().map(\.bitPattern), "\(name), step \(turn)")
            }
        }
        #expect(first.stepCount == 16 && second.stepCount == 16)
    }
}
