import Foundation
import MartletNN
import MartletOptim
import MartletTensor
import MartletTesting
import MartletTraining
import Testing

/// Each kernel, each allocation and each making of a kernel of a save and of a training run failed in turn.
@Suite("Failing runs")
struct FailingRunTests {
    @Test(
        "Where a value cannot be computed, saving a model throws, the old file stays, and parameters are whole or failed",
        arguments: FailingBackend.Event.allCases)
    func modelSave(event: FailingBackend.Event) async {
        await #expect(processExitsWith: .success) { [event] in try FailingRunTests.checkModelSave(event) }
    }

    private static func checkModelSave(_ event: FailingBackend.Event) throws {
        let backend = FailingBackend.install()
        try withScratchFolder { path in
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            let file = path + "/net.safetensors"
            func renewed() throws -> ToyProblem {
                let problem = try ToyProblem(settings: TrainingSettings(epochs: 1))
                for parameter in problem.trainer.model.parameters { parameter.update { ($0 * 2).exp() } }
                return problem
            }
            try ToyProblem(settings: TrainingSettings(epochs: 1)).trainer.model.save(to: file)
            let (old, whole) = (try bytes(file), try renewed().bits)
            let failures = try backend.failEach(event) {
                try renewed()
            } work: { problem in
                try problem.trainer.model.save(to: file)
            } check: { problem, result, hasFailed throws in
                guard hasFailed else {
                    #expect(try bytes(file) != old)
                    #expect(try problem.bits == whole)
                    return
                }
                #expect(throws: FailingBackend.Failure.self) { try result.get() }
                #expect(try bytes(file) == old)
                #expect(try FileManager.default.contentsOfDirectory(atPath: path) == ["net.safetensors"])
                var failed = 0
                for (name, tensor) in problem.trainer.model.stateDictionary {
                    do {
                        #expect(try tensor.withUnsafeBytes { Array($0) } == whole[name])
                    } catch is FailingBackend.Failure { failed += 1 }
                }
                #expect(failed == 1)
            }
            #expect(failures >= 6, "\(failures)")
        }
    }

    @Test(
        "Where a value cannot be computed, writing a checkpoint throws and the old one stays",
        arguments: FailingBackend.Event.allCases)
    func checkpointWrite(event: FailingBackend.Event) async {
        await #expect(processExitsWith: .success) { [event] in try FailingRunTests.checkCheckpointWrite(event) }
    }

    private static func checkCheckpointWrite(_ event: FailingBackend.Event) throws {
        let backend = FailingBackend.install()
        try withScratchFolder { path in
            let (folder, settings) = (try RunFolder.create(at: path), TrainingSettings(epochs: 1))
            try folder.writeConfiguration(settings)
            let problem = try ToyProblem(settings: settings)
            _ = try problem.trainer.fit(problem.loader, in: folder) { true }
            let file = folder.checkpointPath(step: 1)
            let old = try bytes(file)
            let failures = try backend.failEach(event) {
                var checkpoint = try Checkpoint(contentsOf: file)
                checkpoint.model = checkpoint.model.mapValues { $0 + $0.sum() }
                checkpoint.optimizer = checkpoint.optimizer.mapValues { $0 + $0.sum() }
                return checkpoint
            } work: { checkpoint in
                try checkpoint.write(to: file)
            } check: { _, result, hasFailed throws in
                guard hasFailed else {
                    #expect(try bytes(file) != old)
                    return
                }
                #expect(throws: FailingBackend.Failure.self) { try result.get() }
                #expect(try bytes(file) == old)
                #expect(
                    try FileManager.default.contentsOfDirectory(atPath: folder.checkpointsPath)
                        == [URL(fileURLWithPath: file).lastPathComponent])
            }
            #expect(failures >= 5, "\(failures)")
        }
    }

    @Test(
        "Where a step, a measurement or a save fails, fit throws it, and the run goes on from its last checkpoint, bit by bit",
        arguments: FailingBackend.Event.allCases)
    func run(event: FailingBackend.Event) async {
        await #expect(processExitsWith: .success) { [event] in try FailingRunTests.checkRun(event) }
    }

    private static let settings = TrainingSettings(epochs: 2, checkpointSteps: 3, checkpointSeconds: nil)

    private static func checkRun(_ event: FailingBackend.Event) throws {
        let backend = FailingBackend.install()
        try withScratchFolder { path in
            // Every run below begins behind the fifth step; the epoch and its measurement end with the seventh.
            let (begun, under) = (path + "/begun", path + "/under way")
            let folder = try RunFolder.create(at: begun)
            try folder.writeConfiguration(settings)
            _ = try train(try ToyProblem(settings: settings), in: begun, to: 5)
            func restart() throws {
                try? FileManager.default.removeItem(atPath: under)
                try FileManager.default.copyItem(atPath: begun, toPath: under)
            }
            try restart()
            let whole = try ToyProblem(settings: settings)
            _ = try train(whole, in: under, to: 9)
            let expected = try whole.bits
            // A step is planned anew in each run only where that is what fails.
            let kept = event == .preparation ? nil : whole
            var reached = Set<Int>()
            let failures = try backend.failEach(event) {
                try restart()
                return try kept ?? ToyProblem(settings: settings)
            } work: { problem in
                try train(problem, in: under, to: 9)
            } check: { problem, result, hasFailed throws in
                if hasFailed {
                    #expect(throws: FailingBackend.Failure.self) { _ = try result.get() }
                    let last = try #require(try RunFolder.open(under).checkpoints().last)
                    #expect(try Checkpoint(contentsOf: last.path).position.step == last.step)
                    reached.insert(last.step)
                    _ = try train(problem, in: under, to: 9)
                }
                #expect(try problem.bits == expected)
            }
            #expect(failures >= 20, "\(failures)")
            // Behind the epoch's end everything has been planned.
            #expect(reached == (event == .preparation ? [5, 6] : [5, 6, 7]), "\(reached)")
        }
    }

    /// Trains, from where the folder stands, to a step.
    private static func train(_ problem: ToyProblem, in path: String, to last: Int) throws -> Trainer.Outcome {
        let counter = StepCounter()
        problem.trainer.observers = [counter]
        return try problem.trainer.fit(
            problem.loader, test: problem.test, in: RunFolder.open(path), resumes: true
        ) { counter.step >= last }
    }
}

/// Notes the last step.
private final class StepCounter: TrainingObserver {
    private(set) var step = 0
    func stepDidEnd(_ step: TrainingStep) { self.step = step.step }
}

private func bytes(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }
