import Foundation
import MartletGraph
import MartletNN
import MartletOptim
import MartletRuntime
import MartletTensor
import MartletTesting
import Testing

/// Each kernel, each allocation and each making of a kernel of a training step failed in turn.
@Suite("Failing steps")
struct FailingStepTests {
    @Test(
        "Where a compiled step fails, run throws it, nothing half-updated can be read, and a saved state goes on from there",
        arguments: FailingBackend.Event.allCases)
    func compiledStep(event: FailingBackend.Event) async {
        await #expect(processExitsWith: .success) { [event] in try FailingStepTests.checkCompiledStep(event) }
    }

    private static func checkCompiledStep(_ event: FailingBackend.Event) throws {
        let backend = FailingBackend.install()
        let expected = try {
            let step = TrainedStep()
            let before = try step.takeCompiled(2)
            return (before: before, state: try step.bits, loss: try step.takeCompiled(1), after: try step.bits)
        }()
        let failures = try backend.failEach(event) { () -> Setup in
            let step = TrainedStep()
            // A step to come is planned anew where the making of its kernels is to fail.
            _ = try step.takeCompiled(event == .preparation ? 0 : 2)
            return try Setup(step, holdsGradients: event == .allocation)
        } work: { setup in
            try setup.step.takeCompiled(1)
        } check: { setup, result, hasFailed in
            guard hasFailed else { return }
            #expect(throws: FailingBackend.Failure.self) { try result.get() }
            let readings = setup.step.readings
            let failed = readings.filter { (try? $0.value.get()) == nil }
            // Either the plan ran and all that it would have renewed is failed, or nothing has begun.
            if failed.isEmpty {
                #expect(try setup.step.bits == setup.before)
            } else {
                #expect(failed.count == readings.count, "\(failed.keys) of \(readings.count)")
            }
            #expect(failed.isEmpty == (event == .preparation))
            #expect(setup.held.array().map(\.bitPattern) == setup.before["parameter 0"])
            guard event != .preparation else { return }
            #expect(setup.step.optimizer.stepCount == 2)
            try setup.step.load(expected.state)
            #expect(try setup.step.takeCompiled(1) == expected.loss)
            #expect(try setup.step.bits == expected.after)
        }
        #expect(failures >= (event == .allocation ? 5 : 8), "\(failures)")
    }

    @Test(
        "Where the run at the end of step() fails, parameters and moments are failed, and a saved state goes on from there",
        arguments: FailingBackend.Event.allCases)
    func eagerStep(event: FailingBackend.Event) async {
        await #expect(processExitsWith: .success) { [event] in try FailingStepTests.checkEagerStep(event) }
    }

    private static func checkEagerStep(_ event: FailingBackend.Event) throws {
        let backend = FailingBackend.install()
        let expected = try {
            let step = TrainedStep()
            for _ in 0..<2 { step.takeEager() }
            let state = try step.bits
            step.takeEager()
            return (state: state, after: try step.bits)
        }()
        let failures = try backend.failEach(event) { () -> Setup in
            let step = TrainedStep()
            for _ in 0..<2 { step.takeEager() }
            let setup = try Setup(step, holdsGradients: false)
            step.recordEager()
            return setup
        } work: { _ in
            try Flush.all()
        } check: { setup, result, hasFailed in
            guard hasFailed else {
                #expect(try setup.step.bits == expected.after)
                return
            }
            #expect(throws: FailingBackend.Failure.self) { try result.get() }
            // The count of batches stands on nothing else: its plan is its own, and fails or is whole by itself.
            var readings = setup.step.readings
            let batches = try #require(readings[TrainedStep.batchCount])
            readings[TrainedStep.batchCount] = nil
            let failed = readings.filter { (try? $0.value.get()) == nil }
            #expect(failed.isEmpty || failed.count == readings.count, "\(failed.keys)")
            if failed.isEmpty {
                #expect(throws: FailingBackend.Failure.self) { try batches.get() }
                for (name, reading) in readings { #expect(try reading.get() == expected.after[name]) }
            } else {
                #expect(try batches.get() == expected.after[TrainedStep.batchCount])
            }
            #expect(setup.held.array().map(\.bitPattern) == setup.before["parameter 0"])
            try setup.step.load(expected.state)
            setup.step.takeEager()
            #expect(try setup.step.bits == expected.after)
        }
        #expect(failures >= (event == .allocation ? 5 : 8), "\(failures)")
    }

    /// A step about to be taken, what it is about to renew, and a variable that holds a part of that.
    private struct Setup {
        let step: TrainedStep
        let before: [String: [UInt32]]
        let held: Tensor
        /// Where the next ones are to need memory of their own.
        let gradients: [Tensor]

        init(_ step: TrainedStep, holdsGradients: Bool) throws {
            self.step = step
            before = try step.bits
            gradients = holdsGradients ? step.model.parameters.compactMap(\.gradient) : []
            held = step.model.parameters[0].value.detached()
        }
    }

    @Test("A step that fails stops and names itself and the failure", arguments: FailingBackend.Event.allCases)
    func stops(event: FailingBackend.Event) async throws {
        for count in [0, 3] {
            let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                [event, count = count as Int] in
                let backend = FailingBackend.install()
                let step = TrainedStep()
                step.takeEager()
                backend.fail(event, after: count)
                step.takeEager()
            }
            let message = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
            #expect(message.contains("Adam.step(): a \(event.rawValue) was made to fail"), "\(message.prefix(400))")
        }
    }
}

/// A small network with statistics, its optimizer with moments, and a batch.
private final class TrainedStep {
    let model: Sequential
    let optimizer: Adam
    private let x: Tensor
    private let y = Tensor([0, 2, 1, 1, 0] as [Int])
    private let step: CompiledFunction<Tensor, Tensor, Tensor>

    init() {
        (model, x) = withGenerator(seed: 5) {
            let model = Sequential {
                Linear(3, 4)
                BatchNorm1d(4)
                ReLU()
                Linear(4, 3)
            }
            let x = Tensor.randn([5, 3])
            _ = (x.array(), model.parameters.map { $0.value.array() })
            return (model, x)
        }
        let (model, optimizer) = (model, Adam(model.parameters, learningRate: 0.05, weightDecay: 0.01))
        self.optimizer = optimizer
        step = compile(updating: model, optimizer) { (x: Tensor, y: Tensor) -> Tensor in
            optimizer.zeroGradients()
            let loss = crossEntropy(model(x), y)
            loss.backward()
            optimizer.step()
            return loss.detached()
        }
    }

    /// The last loss, 0 where no step was asked for.
    func takeCompiled(_ count: Int) throws -> Float {
        var loss: Float = 0
        for _ in 0..<count { loss = try step.run(x, y).item() }
        return loss
    }

    func takeEager() {
        optimizer.zeroGradients()
        crossEntropy(model(x), y).backward()
        optimizer.step()
    }

    /// What `takeEager` records, without the run at its end.
    func recordEager() {
        optimizer.zeroGradients()
        crossEntropy(model(x), y).backward()
        optimizer.record()
    }

    /// The moments of each parameter.
    private var momentSlots: [[StateSlot]] {
        let slots = Array(optimizer.stateSlots.dropFirst(2 * model.parameters.count))
        return model.parameters.indices.map { Array(slots[2 * $0..<2 * $0 + 2]) }
    }

    // MARK: What a step renews

    private var slots: [String: StateSlot] {
        var slots: [String: StateSlot] = [:]
        for (index, parameter) in model.parameters.enumerated() {
            slots["parameter \(index)"] = parameter.slot
            for (place, slot) in momentSlots[index].enumerated() { slots["moment \(place) of \(index)"] = slot }
        }
        for (_, buffer) in model.namedBuffers { slots["buffer \(buffer.name)"] = buffer.slot }
        return slots
    }

    static let batchCount = "buffer num_batches_tracked"

    /// Every parameter, moment and statistic, or why it cannot be read; no handle of it stays.
    var readings: [String: Result<[UInt32], any Error>] {
        slots.mapValues { slot in
            Result { try slot.tensor.map { try $0.detached().checkedArray(as: Float.self).map(\.bitPattern) } ?? [] }
        }
    }

    var bits: [String: [UInt32]] { get throws { try readings.mapValues { try $0.get() } } }

    /// Puts the state after two steps back; gradients stay as they are, failed or not: the next step makes them anew.
    func load(_ bits: [String: [UInt32]]) throws {
        for (name, slot) in slots {
            guard let numbers = bits[name], let shape = slot.tensor?.shape else { continue }
            slot.tensor = Tensor(numbers.map { Float(bitPattern: $0) }, shape: shape, dtype: slot.tensor?.dtype)
        }
        let settings = optimizer.groups[0].stateNumbers
        for count in optimizer.stateNumbers where !settings.contains(where: { $0 === count }) { count.current = 2 }
    }
}
