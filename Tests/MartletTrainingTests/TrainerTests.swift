import Foundation
import MartletData
import MartletFiles
import MartletNN
import MartletOptim
import MartletTensor
import MartletTraining
import Testing

@Suite("Trainer", .serialized, .ownGenerator)
struct TrainerTests {
    private let settings = TrainingSettings(epochs: 5, checkpointSteps: 4, checkpointSeconds: nil)

    @Test("a run interrupted at any step and resumed ends with the same parameters, bit by bit")
    func continuation() throws {
        let whole = try ToyProblem(settings: settings)
        let reference = try whole.trainer.fit(whole.loader, test: whole.test)
        let expected = try whole.bits
        #expect(reference.end == .finished)
        #expect(reference.steps == 5 * ToyProblem.batches)
        for stop in [1, 6, 7, 8, 20, 34, 35] {
            try withScratchFolder { path in
                let folder = try RunFolder.create(at: path)
                try folder.writeConfiguration(settings)
                let first = try ToyProblem(settings: settings)
                var steps = 0
                let broken = try first.trainer.fit(first.loader, test: first.test, in: folder) {
                    steps += 1
                    return steps == stop
                }
                #expect(broken.end == .interrupted)
                // A process that starts anew has drawn other numbers and holds other parameters.
                let second = try ToyProblem(settings: settings, seed: 99)
                let outcome = try second.trainer.fit(
                    second.loader, test: second.test, in: RunFolder.open(path), resumes: true)
                #expect(outcome.end == .finished)
                #expect(try second.bits == expected, "interrupted after step \(stop)")
                #expect(outcome.history.map(\.step) == [7, 14, 21, 28, 35])
                #expect(outcome.history.map(\.trainLoss) == reference.history.map(\.trainLoss))
                #expect(outcome.history.map(\.testLoss) == reference.history.map(\.testLoss))
                #expect(try MetricsLog.read(folder.metricsPath) == outcome.history)
            }
        }
    }

    @Test("where checkpoints are taken changes no number")
    func checkpointsAreInvisible() throws {
        let plain = try ToyProblem(settings: TrainingSettings(epochs: 2, checkpointSeconds: nil))
        _ = try plain.trainer.fit(plain.loader)
        try withScratchFolder { path in
            let busy = try ToyProblem(settings: TrainingSettings(epochs: 2, checkpointSteps: 1, keptCheckpoints: 2))
            let folder = try RunFolder.create(at: path)
            _ = try busy.trainer.fit(busy.loader, in: folder)
            #expect(try busy.bits == plain.bits)
            #expect(folder.checkpoints().map(\.step) == [13, 14])
        }
    }

    @Test("a newest checkpoint that is damaged gives way to the one before")
    func damagedCheckpoint() throws {
        let whole = try ToyProblem(settings: settings)
        _ = try whole.trainer.fit(whole.loader)
        try withScratchFolder { path in
            let folder = try RunFolder.create(at: path)
            try folder.writeConfiguration(settings)
            let first = try ToyProblem(settings: settings)
            var steps = 0
            _ = try first.trainer.fit(first.loader, in: folder) {
                steps += 1
                return steps == 10
            }
            let newest = try #require(folder.checkpoints().last)
            let file = try #require(FileHandle(forWritingAtPath: newest.path))
            try file.truncate(atOffset: 200)
            try file.close()
            let second = try ToyProblem(settings: settings)
            _ = try second.trainer.fit(second.loader, in: folder, resumes: true)
            #expect(try second.bits == whole.bits)
        }
    }

    @Test("a checkpoint of another model is refused, and says what differs")
    func otherModel() throws {
        try withScratchFolder { path in
            let folder = try RunFolder.create(at: path)
            try folder.writeConfiguration(settings)
            let problem = try ToyProblem(settings: TrainingSettings(epochs: 1))
            _ = try problem.trainer.fit(problem.loader, in: folder)
            let checkpoint = try #require(folder.checkpoints().last)
            var changed = try Checkpoint(contentsOf: checkpoint.path)
            changed.model["last.bias"] = Tensor([1.0, 2.0])
            try changed.write(to: checkpoint.path)
            let error = #expect(throws: FileError.self) {
                _ = try problem.trainer.fit(problem.loader, in: folder, resumes: true)
            }
            #expect(error?.kind == .mismatch)
            #expect(error?.found.contains("last.bias (expected [3], found [2])") == true)
        }
    }

    @Test("a loss that is not a number stops the run with the layer that made it first")
    func nonFinite() throws {
        let problem = try ToyProblem(settings: settings, poisonedAt: 42)
        let batch = try #require(problem.loader.position(of: 42))
        let error = #expect(throws: NonFiniteLoss.self) { _ = try problem.trainer.fit(problem.loader) }
        #expect(error == NonFiniteLoss(step: batch + 1, epoch: 1, layer: "first"))
        let free = try ToyProblem(
            settings: TrainingSettings(epochs: 1, checkpointSeconds: nil, stopsAtNonFiniteLoss: false), poisonedAt: 42)
        #expect(try free.trainer.fit(free.loader).history[0].trainLoss.isNaN)
    }

    @Test("a folder that holds a run, or has one under way, is refused, and nothing in it changes")
    func folders() throws {
        try withScratchFolder { path in
            let folder = try RunFolder.create(at: path)
            try folder.writeConfiguration(settings)
            let first = try ToyProblem(settings: settings)
            _ = try first.trainer.fit(first.loader, in: folder) {
                // The run is under way: nobody else may go on with it.
                let other = try? ToyProblem(settings: settings)
                let error = #expect(throws: FileError.self) {
                    _ = try other?.trainer.fit(other?.loader ?? first.loader, in: folder, resumes: true)
                }
                #expect(error?.field == "run folder")
                return true
            }
            let kept = folder.checkpoints().map(\.step)
            let second = try ToyProblem(settings: settings)
            let error = #expect(throws: FileError.self) { _ = try second.trainer.fit(second.loader, in: folder) }
            #expect(error?.field == "checkpoint")
            #expect(folder.checkpoints().map(\.step) == kept)
        }
    }

    @Test("a run that falls back past a damaged checkpoint keeps what it saves from there")
    func savesAfterDamage() throws {
        let settings = TrainingSettings(epochs: 2, checkpointSteps: 1, checkpointSeconds: nil, keptCheckpoints: 1)
        try withScratchFolder { path in
            let folder = try RunFolder.create(at: path)
            try folder.writeConfiguration(settings)
            let first = try ToyProblem(settings: settings)
            var steps = 0
            _ = try first.trainer.fit(first.loader, in: folder) {
                steps += 1
                return steps == 3
            }
            try Data([1, 2, 3]).write(to: URL(fileURLWithPath: folder.checkpointPath(step: 9)))
            let second = try ToyProblem(settings: settings)
            steps = 0
            _ = try second.trainer.fit(second.loader, in: folder, resumes: true) {
                steps += 1
                return steps == 1
            }
            #expect(folder.checkpoints().map(\.step) == [4])
        }
    }

    @Test("parameters that an update has spoilt are never kept, though the loss was a number")
    func spoiltUpdate() throws {
        try withScratchFolder { path in
            let folder = try RunFolder.create(at: path)
            let problem = try ToyProblem(
                settings: TrainingSettings(epochs: 3, checkpointSteps: 1, checkpointSeconds: nil))
            var steps = 0
            let error = #expect(throws: NonFiniteLoss.self) {
                _ = try problem.trainer.fit(problem.loader, in: folder) {
                    steps += 1
                    if steps == 5 {
                        problem.trainer.model.parameters[0].update { $0 * Tensor(Float.infinity) }
                    }
                    return false
                }
            }
            #expect(error != nil)
            // The fifth step's checkpoint was due after the update that spoilt it.
            #expect(folder.checkpoints().last?.step == 4)
            let next = try ToyProblem(settings: settings)
            _ = try next.trainer.fit(next.loader, in: folder, resumes: true) { true }
            #expect(next.trainer.model.parameters.allSatisfy { $0.value.isFinite().all().item(as: Bool.self) })
        }
    }

    @Test("a label that the model has no output for is named, with its place")
    func strangeLabel() throws {
        let problem = try ToyProblem(settings: settings)
        let data = TensorDataset(Tensor.randn([30, 6]), Tensor((0..<30).map { $0 == 17 ? 5 : $0 % 3 }))
        let error = #expect(throws: DataError.self) {
            _ = try problem.trainer.fit(DataLoader(data, batchSize: 15))
        }
        #expect(error?.field == "labels" && error?.index == 17)
    }

    @Test("a run that gets no better ends early, and a resumed one where the other did")
    func earlyStopping() throws {
        let loss = [1, 0.5, 0.6, 0.5, 0.4]
        let history = loss.enumerated().map { index, loss in
            MetricsRecord(epoch: index + 1, step: index + 1, trainLoss: loss, seconds: 1, elapsedSeconds: 1)
        }
        let rule = EarlyStopping(patience: 2)
        #expect((1...5).map { rule.isDue(after: Array(history.prefix($0))) } == [false, false, false, true, false])
        let settings = TrainingSettings(epochs: 50, earlyStopping: EarlyStopping(patience: 1, minimumChange: 10))
        let problem = try ToyProblem(settings: settings)
        let outcome = try problem.trainer.fit(problem.loader)
        #expect(outcome.end == .stoppedEarly)
        #expect(outcome.history.count == 2)
    }

    @Test("evaluation measures without dropout, leaves the mode as it was, and counts every example")
    func evaluation() throws {
        let problem = try ToyProblem(settings: TrainingSettings(epochs: 20))
        _ = try problem.trainer.fit(problem.loader)
        let model = problem.trainer.model
        model.train()
        let (first, second) = (try model.evaluate(on: problem.test), try model.evaluate(on: problem.test))
        #expect(first.loss == second.loss)
        #expect(model.modeSwitches.map(\.isTraining) == model.modeSwitches.map { _ in true })
        #expect(first.count == 40)
        #expect(first.confusion?.total == 40)
        #expect(first.mistakes.count == 40 - (first.confusion?.correct ?? 0))
        #expect(first.mistakes.map(\.probability) == first.mistakes.map(\.probability).sorted(by: >))
        #expect((first.accuracy ?? 0) > 0.6)
    }

    @Test("a model saved and loaded is the same bit by bit, and a file of another network is refused")
    func modelFile() throws {
        try withScratchFolder { path in
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            let problem = try ToyProblem(settings: settings)
            try problem.trainer.model.save(to: path + "/net.safetensors", metadata: ["made by": "a test"])
            let other = try ToyProblem(settings: settings, seed: 8)
            #expect(try other.bits != problem.bits)
            try other.trainer.model.load(from: path + "/net.safetensors")
            #expect(try other.bits == problem.bits)
            try SafetensorsWriter.write(["first.weight": Tensor.zeros([2])], to: path + "/other.safetensors")
            let error = #expect(throws: FileError.self) {
                try other.trainer.model.load(from: path + "/other.safetensors")
            }
            #expect(error?.kind == .mismatch)
            #expect(error?.found.contains("last.weight") == true)
        }
    }

    @Test(
        "narrow precisions train as float32 does, with smoothed labels and averaged weights",
        arguments: TrainingPrecision.allCases)
    func precisions(precision: TrainingPrecision) throws {
        var settings = TrainingSettings(epochs: 20, average: .exponential(decay: 0.9), precision: precision)
        settings.gradientNormLimit = 5
        let problem = try ToyProblem(settings: settings)
        let outcome = try problem.trainer.fit(problem.loader, test: problem.test)
        let last = try #require(outcome.history.last)
        #expect(last.trainLoss < 0.6 * outcome.history[0].trainLoss, "\(precision): \(last.trainLoss)")
        #expect((last.testAccuracy ?? 0) > 0.8, "\(precision): \(last.testAccuracy ?? .nan)")
    }

    private final class Reports: TrainingObserver {
        var steps: [Int] = []
        func layersWereMeasured(_ report: LayerReport) { steps.append(report.step) }
    }

    @Test("a resumed run looks at the layers in the steps that the other did")
    func statisticsRhythm() throws {
        func steps(_ problem: ToyProblem, stoppedAfter stop: Int?, _ folder: RunFolder?, resumes: Bool) throws -> [Int]
        {
            let seen = Reports()
            problem.trainer.observers = [seen]
            var taken = 0
            _ = try problem.trainer.fit(problem.loader, in: folder, resumes: resumes) {
                taken += 1
                return taken == stop
            }
            return seen.steps
        }
        let whole = try steps(ToyProblem(settings: settings, statistics: 5), stoppedAfter: nil, nil, resumes: false)
        #expect(whole == [1, 6, 11, 16, 21, 26, 31])
        try withScratchFolder { path in
            let folder = try RunFolder.create(at: path)
            try folder.writeConfiguration(settings)
            let first = try steps(
                ToyProblem(settings: settings, statistics: 5), stoppedAfter: 8, folder, resumes: false)
            let rest = try steps(
                ToyProblem(settings: settings, statistics: 5), stoppedAfter: nil, folder, resumes: true)
            #expect(first + rest == whole)
        }
    }

    @Test("a last batch of one example is an error before the first step where a batch normalisation cannot take it")
    func lonelyExample() throws {
        let problem = try ToyProblem(settings: settings)
        let data = try ToyProblem.data(count: 31, poisonedAt: nil)
        var steps = 0
        let error = #expect(throws: DataError.self) {
            _ = try problem.trainer.fit(DataLoader(data, batchSize: 15)) {
                steps += 1
                return false
            }
        }
        #expect(steps == 0 && error?.field == "batches")
        #expect(error?.description.contains("batch normalisation norm") == true, "\(error?.description ?? "")")
        let dropping = DataLoader(data, batchSize: 15, dropLast: true)
        #expect(try problem.trainer.fit(dropping).end == .finished)
        // Over an image's pixels one example has a variance.
        manualSeed(1)
        let network = Sequential {
            Conv2d(1, 2, kernelSize: 3)
            BatchNorm2d(2)
            Flatten()
            Linear(2 * 16, 3)
        }
        let images = try TensorDataset(Tensor.randn([31, 1, 6, 6]), Tensor((0..<31).map { $0 % 3 }), classCount: 3)
        let other = Trainer(
            network, SGD(network.parameters, learningRate: 0.1), settings: TrainingSettings(epochs: 1))
        #expect(try other.fit(DataLoader(images, batchSize: 15)).end == .finished)
    }

    @Test("metrics are measured each epoch, kept in metrics.jsonl, and end a run that gets no better by one of them")
    func metricsOfEpochs() throws {
        var settings = TrainingSettings(epochs: 30, checkpointSeconds: nil)
        settings.earlyStopping = EarlyStopping(patience: 3)
        settings.stoppingFigure = MonitoredFigure(named: "validation_f1_macro")
        try withScratchFolder { path in
            let folder = try RunFolder.create(at: path)
            let problem = try ToyProblem(settings: settings, rate: 0)
            problem.trainer.metrics = HeldOutMetrics([.accuracy, .f1Macro, .logLoss])
            let outcome = try problem.trainer.fit(problem.loader, validation: problem.test, in: folder)
            // Without steps the figure changes by running statistics alone; the loss is another.
            let figures = outcome.history.compactMap { $0.validationMetrics[.f1Macro] }
            #expect(figures.count == outcome.history.count && outcome.end == .stoppedEarly)
            let best = try #require(figures.max())
            let at = try #require(figures.firstIndex(of: best))
            #expect(outcome.history.count == at + 1 + 3)
            let last = try #require(outcome.history.last)
            #expect(last.validationMetrics.count == 2 && last.validationMetrics[.logLoss] != nil)
            #expect(abs((last.validationMetrics[.logLoss] ?? 0) - (last.validationLoss ?? 1)) < 1e-5)
            #expect(try MetricsLog.read(folder.metricsPath) == outcome.history)
            let text = try String(contentsOfFile: folder.metricsPath, encoding: .utf8)
            #expect(text.contains("\"validation_f1_macro\":"))
            #expect(ProgressState.epochLine(last, of: 30).contains("f1_macro 0."))
            let set = try problem.trainer.model.measure([.f1Macro], on: problem.test)
            #expect(set[.f1Macro] == last.validationMetrics[.f1Macro])
        }
    }

    @Test("a rate that falls on plateaus keeps the ratios of the groups' rates")
    func plateauOfGroups() throws {
        manualSeed(1)
        let model = ToyProblem.Net()
        let optimizer = SGD([
            ParameterGroup(Array(model.parameters.prefix(2)), learningRate: 1e-9),
            ParameterGroup(Array(model.parameters.dropFirst(2)), learningRate: 1e-8),
        ])
        let trainer = Trainer(
            model, optimizer, schedules: ScheduledSettings(),
            plateau: ReduceOnPlateau(from: 1e-9, patience: 0, threshold: 10, leastChange: 0),
            settings: TrainingSettings(epochs: 3, checkpointSeconds: nil))
        _ = try trainer.fit(DataLoader(try ToyProblem.data(count: 30, poisonedAt: nil), batchSize: 15))
        let rates = optimizer.groups.map(\.learningRate)
        #expect(rates[0] < 0.5e-9 && abs(rates[1] / rates[0] - 10) < 1e-9, "\(rates)")
    }

    @Test("the best epoch's weights are kept, and a resumed run keeps the same")
    func bestEpoch() throws {
        let settings = TrainingSettings(epochs: 6, checkpointSeconds: nil)
        func fit(_ path: String, stoppedAfter stop: Int?) throws -> Trainer.Outcome {
            var outcome: Trainer.Outcome?
            for resumes in [false, true] where stop != nil || !resumes {
                let problem = try ToyProblem(settings: settings, rate: 0.5)
                let model = problem.trainer.model
                problem.trainer.best = BestEpoch(.loss(.validation)) { try model.save(to: $0.bestModelPath) }
                let folder = try resumes ? RunFolder.open(path) : RunFolder.create(at: path)
                if !resumes { try folder.writeConfiguration(settings) }
                var steps = 0
                outcome = try problem.trainer.fit(
                    problem.loader, validation: problem.test, in: folder, resumes: resumes
                ) {
                    steps += 1
                    return steps == stop && !resumes
                }
            }
            return try #require(outcome)
        }
        try withScratchFolder { path in
            let outcome = try fit(path, stoppedAfter: nil)
            let losses = outcome.history.compactMap(\.validationLoss)
            let least = try #require(losses.min())
            #expect(losses.last != least, "the last epoch is no test")
            let problem = try ToyProblem(settings: settings)
            let folder = try RunFolder.open(path)
            try problem.trainer.model.load(from: folder.bestModelPath)
            #expect(try problem.trainer.model.evaluate(on: problem.test).loss == least)
            let best = try Data(contentsOf: URL(fileURLWithPath: folder.bestModelPath))
            try withScratchFolder { other in
                _ = try fit(other, stoppedAfter: 20)
                let kept = try RunFolder.open(other).bestModelPath
                #expect(try Data(contentsOf: URL(fileURLWithPath: kept)) == best)
            }
        }
    }

    @Test("a label that is no finite number ends the run with its example and step")
    func infiniteLabel() throws {
        let labels = Tensor((0..<12).map { $0 == 7 ? .infinity : Float($0) }, shape: [12, 1])
        let loader = DataLoader(TensorDataset(Tensor.ones([12, 2]), labels), batchSize: 5)
        let model = Linear(2, 1)
        let trainer = Trainer(
            model, SGD(model.parameters, learningRate: 0.01), settings: TrainingSettings(epochs: 1),
            loss: { meanSquaredError($0, $1) })
        let error = #expect(throws: DataError.self) { _ = try trainer.fit(loader) }
        #expect(error?.field == "labels" && error?.index == 7 && error?.found == "inf in step 2", "\(error as Any)")
    }

    @Test("a plateau sets the rate whatever the schedules say of it")
    func plateauBesideSchedule() throws {
        let model = ToyProblem.Net()
        let trainer = Trainer(
            model, SGD(model.parameters, learningRate: 1e-9),
            schedules: ScheduledSettings(learningRate: ConstantRate(1e-9)),
            plateau: ReduceOnPlateau(from: 1e-9, patience: 0, threshold: 10, leastChange: 0),
            settings: TrainingSettings(epochs: 3, checkpointSeconds: nil))
        _ = try trainer.fit(DataLoader(try ToyProblem.data(count: 30, poisonedAt: nil), batchSize: 15))
        #expect(trainer.optimizer.learningRate < 0.5e-9)
    }
}
