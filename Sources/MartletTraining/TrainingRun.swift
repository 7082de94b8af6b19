import MartletData
import MartletFiles
import MartletNN
import MartletOptim
import MartletTensor

/// One call of `Trainer.fit`: what has been done, and the order in which it is made known.
///
/// An epoch's line goes to `metrics.jsonl` before the checkpoint that counts the epoch as done, so that a run killed
/// between the two measures the epoch again and drops the line.
final class TrainingRun {
    private let trainer: Trainer
    private let (train, validation, test): (DataLoader, DataLoader?, DataLoader?)
    private let folder: RunFolder?
    private let store: CheckpointStore?
    private var position: Checkpoint.Position
    private var history: [MetricsRecord] = []
    private var lastTest: Evaluation?
    /// Where the search for a bad loss would begin; nil where nobody wants one.
    private var lastGood: Checkpoint?
    /// Held as long as the run goes on: one process a folder.
    private let lock: FolderLock?
    private var clock = RunClock()
    /// The buffers that the last epoch's weights to evaluate were measured with, by the names of a ``WeightAverage``; none where
    /// they are those of training.
    private var measuredBuffers: [String: Tensor] = [:]

    init(
        _ trainer: Trainer, _ train: DataLoader, validation: DataLoader?, test: DataLoader?, folder: RunFolder?,
        resumes: Bool
    ) throws {
        (self.trainer, self.train, self.validation, self.test) = (trainer, train, validation, test)
        self.folder = folder
        lock = try folder.map { try FolderLock($0.path) }
        store = folder.map { CheckpointStore($0, keeping: trainer.settings.keptCheckpoints) }
        if !resumes, let folder, let earlier = folder.checkpoints().last {
            throw FileError(
                .mismatch, file: earlier.path, field: "checkpoint",
                expected: "none where a run begins; resume it, or choose another folder", found: "one of an earlier run"
            )
        }
        try BatchNormCheck.check(trainer.model, on: train)
        trainer.model.train()
        trainer.optimizer.train()
        // An earlier run may have left the average in the model.
        trainer.average?.restore()
        trainer.totals.clear()
        position = Checkpoint.Position(
            step: 0, epochsDone: 0, epochImages: 0, loader: train.state, generator: Generator.current.state,
            optimizerSteps: Double(trainer.optimizer.stepCount),
            learningRates: trainer.optimizer.groups.map(\.learningRate), lossScale: trainer.scaler?.state,
            statistics: trainer.statistics?.state, epochSeconds: 0, elapsedSeconds: 0)
        lastGood = trainer.settings.stopsAtNonFiniteLoss ? trainer.checkpoint(position) : nil
        guard resumes, let folder, let store, let checkpoint = try store.latest() else { return }
        position = checkpoint.position
        try trainer.restore(checkpoint, train, name: folder.checkpointPath(step: position.step))
        if lastGood != nil { lastGood = checkpoint }
    }

    func run(isInterrupted: () -> Bool) throws -> Trainer.Outcome {
        // Inside an epoch its own line does not count, even where the epoch's last step was taken.
        let lastLine = position.epochImages > 0 ? position.step - 1 : position.step
        let metrics = try MetricsFile(folder, resumingAfter: lastLine)
        history = metrics.history
        clock.begin(epochSeconds: position.epochSeconds, elapsedSeconds: position.elapsedSeconds)
        let settings = trainer.settings
        while position.epochsDone < settings.epochs {
            if settings.earlyStopping?.isDue(after: history, by: settings.stoppingFigure) == true {
                try leaveAverage()
                return outcome(.stoppedEarly)
            }
            followPlateau()
            guard try trainEpoch(isInterrupted) else { return outcome(.interrupted) }
            let record = try measure()
            history.append(record)
            try metrics.append(record)
            for observer in trainer.observers { observer.epochDidEnd(record) }
            position.epochsDone += 1
            position.epochImages = 0
            trainer.totals.clear()
            clock.beginEpoch()
            try save()
        }
        try leaveAverage()
        return outcome(.finished)
    }

    /// Sets the rate that the epochs so far lead to; a resumed run finds it again from their figures.
    private func followPlateau() {
        guard var plateau = trainer.plateau else { return }
        let first = plateau.rate
        for record in history { _ = plateau.observe(record.watched(trainer.settings.plateauFigure)) }
        trainer.follow(plateau.rate, from: first)
    }

    /// Leaves the weights to evaluate in the model, and the statistics that go with them.
    private func leaveAverage() throws {
        if trainer.optimizer.hasEvaluationWeights {
            trainer.optimizer.eval()
            guard trainer.model.hasRunningStatistics else { return }
            try recalibrate()
            lastTest = try test.map(evaluate)
            return
        }
        guard let average = trainer.average, average.updateCount > 0 else { return }
        average.apply()
        guard trainer.settings.average?.kind == .equal else { return }
        try recalibrate()
        lastTest = try test.map(evaluate)
    }

    /// Gathers the batch normalisations' statistics over the training data for the weights that are in the model now.
    ///
    /// The batches are made as the run's own are: collated, transformed, and picked by the sampler where it has one.
    ///
    /// - Parameter batches: how many batches of the training data, in an order of their own; nil for all, in the data's.
    private func recalibrate(batches count: Int? = nil) throws {
        let hasOwnSampler = !train.shuffle && !(train.sampler is SequentialSampler)
        let batches = DataLoader(
            train.dataset, batchSize: train.batchSize, shuffle: count != nil && !hasOwnSampler,
            sampler: hasOwnSampler ? train.sampler : nil, dropLast: train.dropLast, workers: train.workers, seed: 0,
            onError: train.onError, collation: train.collation, batchTransform: train.batchTransform)
        trainer.settings.precision.running {
            recalibrateBatchNorm(trainer.model, over: batches.prefix(count ?? batches.count)) { batch in
                trainer.model(batch.inputs)
            }
        }
        try batches.finish()
    }

    private func outcome(_ end: Trainer.Outcome.End) -> Trainer.Outcome {
        Trainer.Outcome(end: end, steps: position.step, history: history, test: lastTest)
    }

    /// Trains to the end of the epoch; false where someone wanted the run to end.
    private func trainEpoch(_ isInterrupted: () -> Bool) throws -> Bool {
        let epoch = position.epochsDone + 1
        trainer.model.train()
        for observer in trainer.observers { observer.epochWillBegin(epoch, batch: train.state.batch) }
        for batches in BatchGroups(of: train, size: trainer.settings.accumulatedBatches) {
            try trainer.takeStep(batches, after: position.step)
            let images = batches.reduce(0) { $0 + $1.count }
            position.step += 1
            position.epochImages += images
            let step = TrainingStep(
                step: position.step, epoch: epoch, batches: batches.count, images: images,
                epochImages: position.epochImages, learningRate: trainer.optimizer.learningRate, totals: trainer.totals)
            for observer in trainer.observers { observer.stepDidEnd(step) }
            if position.step % Trainer.lossCheckInterval == 0 { try checkLoss() }
            if isInterrupted() {
                try save()
                return false
            }
            // After the last batch the epoch's own checkpoint follows soon.
            if train.state.batch < train.count, isCheckpointDue { try save() }
        }
        try train.finish()
        try checkLoss()
        return true
    }

    private var isCheckpointDue: Bool {
        let settings = trainer.settings
        if let steps = settings.checkpointSteps, position.step % max(1, steps) == 0 { return true }
        return settings.checkpointSeconds.map { clock.secondsSinceSave >= $0 } ?? false
    }

    private func checkLoss() throws {
        guard let lastGood, try !trainer.totals.sums.loss.isFinite else { return }
        throw try trainer.findNonFinite(after: lastGood, train)
    }

    /// Keeps the run as it is; a spoilt one is never kept.
    private func save() throws {
        try checkLoss()
        if let lastGood, try !trainer.hasFiniteParameters { throw try trainer.findNonFinite(after: lastGood, train) }
        position.loader = train.state
        position.generator = Generator.current.state
        position.optimizerSteps = Double(trainer.optimizer.stepCount)
        position.learningRates = trainer.optimizer.groups.map(\.learningRate)
        position.lossScale = trainer.scaler?.state
        position.statistics = trainer.statistics?.state
        position.epochSeconds = clock.epochSeconds
        position.elapsedSeconds = clock.elapsedSeconds
        clock.didSave()
        guard lastGood != nil || store != nil else { return }
        var checkpoint = trainer.checkpoint(position)
        if lastGood != nil { lastGood = checkpoint }
        guard let folder, let store else { return }
        // For whoever predicts by the file: going on needs them not.
        checkpoint.average.merge(trainer.evaluationWeights) { $1 }
        // Inside an epoch they would be those of other weights.
        if position.epochImages == 0 { checkpoint.average.merge(measuredBuffers) { $1 } }
        try store.save(checkpoint)
        let path = folder.checkpointPath(step: position.step)
        for observer in trainer.observers { observer.checkpointWasWritten(path) }
    }

    /// Measures the held-out data, and says what the epoch gave.
    private func measure() throws -> MetricsRecord {
        let (lossSum, correct) = try trainer.totals.sums
        let images = Double(position.epochImages)
        let trainingSeconds = clock.epochSeconds
        let rate = trainer.optimizer.learningRate
        let batches = (validation?.count ?? 0) + (test?.count ?? 0)
        if batches > 0 { for observer in trainer.observers { observer.measuringWillBegin(batches: batches) } }
        if let settings = trainer.settings.average, settings.kind == .equal,
            position.epochsDone + 1 >= settings.startEpoch
        {
            trainer.average?.update()
        }
        return try withMeasuredWeights {
            let (validated, tested) = (try validation.map(evaluate), try test.map(evaluate))
            lastTest = tested ?? lastTest
            let record = record((lossSum, correct), images, trainingSeconds, rate, validated, tested)
            // Before the epoch's line is written: a run killed in between measures the epoch again.
            if let best = trainer.best, let folder, best.isReached(by: record, after: history) { try best.save(folder) }
            return record
        }
    }

    private func record(
        _ sums: (loss: Double, correct: Double), _ images: Double, _ trainingSeconds: Double, _ rate: Double,
        _ validated: Evaluation?, _ tested: Evaluation?
    ) -> MetricsRecord {
        MetricsRecord(
            epoch: position.epochsDone + 1, step: position.step, trainLoss: sums.loss / images,
            trainAccuracy: train.dataset.classCount == nil ? nil : sums.correct / images,
            validationLoss: validated?.loss,
            validationAccuracy: validated?.accuracy, testLoss: tested?.loss, testAccuracy: tested?.accuracy,
            validationMetrics: validated?.metrics ?? [:], testMetrics: tested?.metrics ?? [:],
            imagesPerSecond: trainingSeconds > 0 ? images / trainingSeconds : nil, learningRate: rate,
            seconds: clock.epochSeconds, elapsedSeconds: clock.elapsedSeconds)
    }

    /// Runs a body with the weights in the model that held-out data are measured with; afterwards everything is bit for bit
    /// as training left it.
    private func withMeasuredWeights<Result>(_ body: () throws -> Result) throws -> Result {
        let optimizer = trainer.optimizer
        let hasStatistics = trainer.model.hasRunningStatistics
        let isMeasured = validation != nil || test != nil || trainer.best != nil
        guard optimizer.hasEvaluationWeights, isMeasured || hasStatistics && folder != nil else {
            // An equal average has no statistics of its own before the end: until then the weights as they are get measured.
            let average = trainer.settings.average?.kind == .exponential ? trainer.average : nil
            average?.apply()
            defer { average?.restore() }
            return try body()
        }
        let snapshot = StateSnapshot([trainer.model], modes: trainer.model.modeSwitches)
        defer {
            optimizer.train()
            snapshot.restore()
        }
        optimizer.eval()
        // The running statistics are those of other weights.
        guard hasStatistics else { return try body() }
        try recalibrate(batches: Self.statisticsBatches)
        let buffers = trainer.model.namedBuffers.map { ("average.\($0.name)", $0.buffer.value.detached()) }
        measuredBuffers = Dictionary(buffers) { first, _ in first }
        return try body()
    }

    /// Batches whose statistics are gathered for measuring weights that were not trained on, as the authors of schedule-free
    /// optimization do it.
    private static let statisticsBatches = 50

    private func evaluate(_ loader: DataLoader) throws -> Evaluation {
        try trainer.settings.precision.running {
            try trainer.model.evaluate(on: loader, loss: trainer.loss, metrics: trainer.metrics) {
                for observer in trainer.observers { observer.measuredBatch() }
            }
        }
    }
}

/// The run's `metrics.jsonl`, where it has a folder.
private struct MetricsFile: ~Copyable {
    /// The epochs before a resumption.
    let history: [MetricsRecord]
    private let log: MetricsLog?

    init(_ folder: RunFolder?, resumingAfter step: Int) throws {
        guard let folder else {
            history = []
            log = nil
            return
        }
        let opened = try folder.openMetrics(resumingAfter: step)
        history = try MetricsLog.read(folder.metricsPath)
        log = consume opened
    }

    func append(_ record: MetricsRecord) throws { try log?.append(record) }
}

/// The seconds of a run, over all its resumptions.
private struct RunClock {
    private var epochBegan = 0.0
    private var runBegan = 0.0
    private var saved = 0.0

    mutating func begin(epochSeconds: Double, elapsedSeconds: Double) {
        let now = ProgressBar.monotonicSeconds()
        (epochBegan, runBegan, saved) = (now - epochSeconds, now - elapsedSeconds, now)
    }

    mutating func beginEpoch() { epochBegan = ProgressBar.monotonicSeconds() }
    mutating func didSave() { saved = ProgressBar.monotonicSeconds() }

    var epochSeconds: Double { ProgressBar.monotonicSeconds() - epochBegan }
    var elapsedSeconds: Double { ProgressBar.monotonicSeconds() - runBegan }
    var secondsSinceSave: Double { ProgressBar.monotonicSeconds() - saved }
}
