import MartletData
import MartletGraph
import MartletNN
import MartletOptim
import MartletTensor
import MartletTraining

/// A recipe made ready: its network, its trainer and its loaders.
public final class RecipeRun {
    /// What is made.
    public let recipe: Recipe
    /// What it is made from.
    public let data: RecipeData
    /// The network.
    public let model: any Layer
    /// What trains it.
    public let trainer: Trainer
    /// The batches of an epoch.
    public let loader: DataLoader
    private let validationLoader: DataLoader?
    private let testLoader: DataLoader?

    /// Samples that are measured at a time.
    private static let measured = 1000

    /// Makes everything that the recipe names; all that is random follows from its seed.
    ///
    /// - Throws: `RecipeError` where the network does not fit the data.
    public init(_ recipe: Recipe, data: RecipeData) throws {
        (self.recipe, self.data) = (recipe, data)
        manualSeed(recipe.seed)
        let training = recipe.training
        model = try recipe.model.make(input: data.sampleShape)
        recipe.initialization.apply(to: model)
        loader = DataLoader(
            data.train, batchSize: training.batchSize, shuffle: true, dropLast: training.dropsLast,
            workers: training.workers, batchTransform: recipe.batchAugmentation)
        validationLoader = data.validation.map { DataLoader($0, batchSize: Self.measured, workers: training.workers) }
        testLoader = data.test.map { DataLoader($0, batchSize: Self.measured, workers: training.workers) }
        guard loader.count > 0 else {
            throw RecipeError(
                file: recipe.file, place: .nowhere, key: "training.batch_size",
                expected: "at most the \(data.train.count) training samples where drop_last is set",
                found: "\(training.batchSize)")
        }
        try Self.check(model.outputShape(of: data.sampleShape), recipe, data)
        if let layer = BatchNormCheck.misfit(model, on: loader) {
            throw RecipeError(
                file: recipe.file, place: training.batchSizePlace, key: "training.batch_size",
                expected:
                    "two samples in an epoch's last batch, as the batch normalisation \(layer) needs: another size, or "
                    + "drop_last: true",
                found: "one: \(data.train.count) samples in batches of \(training.batchSize)")
        }
        let parts = training.settings.accumulatedBatches
        let length = ScheduleRecipe.Length(
            stepsPerEpoch: (loader.count + parts - 1) / parts, epochs: training.settings.epochs)
        let schedules = try recipe.schedule.make(rate: recipe.optimizer.learningRate, length)
        let network = model
        let statistics = training.statistics.map { LayerStatistics(of: network, every: $0) }
        let optimizer = try recipe.optimizer.make(model)
        var settings = training.settings
        settings.plateauFigure = recipe.schedule.monitored?.figure
        trainer = Trainer(
            model, optimizer,
            schedules: schedules.settings.shared(by: optimizer.groups, rate: recipe.optimizer.learningRate),
            plateau: schedules.plateau, statistics: statistics, settings: settings,
            loss: recipe.loss.function(isClasses: data.train.classCount != nil))
        if let figure = training.best {
            let note = try ModelNote(recipe: recipe, data: data).metadata
            trainer.best = BestEpoch(figure) { try network.save(to: $0.bestModelPath, metadata: note) }
        }
        guard !recipe.metrics.isEmpty else { return }
        trainer.metrics = HeldOutMetrics(recipe.metrics, preparing: inDataUnits)
    }

    /// What brings outputs and labels to the units of the data: a loss may take outputs for logarithms, labels may be scaled.
    private var inDataUnits: HeldOutMetrics.Preparation {
        let (loss, scaler) = (recipe.loss, data.labelScaler)
        return { outputs, labels in
            let predictions = loss.predictions(outputs)
            return scaler.map { ($0.inverse(predictions), $0.inverse(labels)) } ?? (predictions, labels)
        }
    }

    /// Throws where the network's outputs do not go with the labels and the loss, or a metric or figure not with the data.
    private static func check(_ output: Shape, _ recipe: Recipe, _ data: RecipeData) throws {
        let train = data.train
        let isOfClasses = recipe.loss.isOfClasses ?? (train.classCount != nil)
        func misfit(_ key: String, _ expected: String, _ found: String) -> RecipeError {
            RecipeError(file: recipe.file, place: .nowhere, key: key, expected: expected, found: found)
        }
        let task: MetricName.Task = train.classCount == nil ? .regression : .classification
        if let other = recipe.metrics.first(where: { $0.task != task }) {
            throw RecipeError(
                file: recipe.file, place: recipe.metricsPlace, key: "metrics",
                expected: "metrics of \(task == .classification ? "classes" : "numbers")", found: other.rawValue)
        }
        do { _ = try MetricSet(recipe.metrics, classes: train.classCount) } catch {
            throw RecipeError(
                file: recipe.file, place: recipe.metricsPlace, key: "metrics", expected: error.expected,
                found: "\(error.found) beside \(error.field)")
        }
        for named in [recipe.schedule.monitored].compactMap(\.self) + recipe.training.monitored {
            if task == .regression, named.figure.name.hasSuffix("_accuracy") {
                throw named.error("a figure of numbers", recipe.file)
            }
            if named.figure.part == .validation, data.validation == nil {
                throw named.error("a figure of the training data, as no sample is held out for validation", recipe.file)
            }
        }
        guard isOfClasses == (train.classCount != nil) else {
            throw misfit("loss", isOfClasses ? "labels that are classes" : "labels that are numbers", "others")
        }
        if let classes = train.classCount {
            guard output.rank == 1, output[0] == classes else {
                throw misfit("model", "\(classes) outputs, one a class", "the shape \(output)")
            }
        } else if output.elementCount != 1 {
            throw misfit("model", "one output", "the shape \(output)")
        }
    }

    /// Trains: measured by the validation data after each epoch where there are any, and by the test data once, at the end;
    /// without validation data by the test data after each epoch.
    ///
    /// - Returns: how the run ended, and how well the network does on the test data; nil where it was interrupted,
    ///   or the test data are left alone.
    /// - Throws: what ``Trainer/fit(_:validation:test:in:resumes:isInterrupted:)`` throws.
    public func fit(
        in folder: RunFolder? = nil, resumes: Bool = false, isInterrupted: () -> Bool = { false }
    ) throws -> (outcome: Trainer.Outcome, test: Evaluation?) {
        trainer.notes = try ModelNote(recipe: recipe, data: data).metadata
        let outcome = try trainer.fit(
            loader, validation: validationLoader, test: validationLoader == nil ? testLoader : nil, in: folder,
            resumes: resumes, isInterrupted: isInterrupted)
        guard outcome.end != .interrupted, let testLoader else { return (outcome, nil) }
        let test = try outcome.test ?? model.evaluate(on: testLoader, loss: trainer.loss, metrics: trainer.metrics)
        return (outcome, test)
    }

    /// The figures of the recipe's metrics in its order, in the units of the data; none where it names none.
    public func figures(of evaluation: Evaluation?) -> [(name: MetricName, value: Double)] {
        var met = Set<MetricName>()
        let names = recipe.metrics.filter { met.insert($0).inserted }
        return names.compactMap { name in evaluation?.metrics[name].map { (name, $0) } }
    }

    /// Writes the network with what it takes to use it: the recipe and the shape of a sample.
    ///
    /// - Throws: `FileError`.
    public func save(to path: String) throws {
        try model.save(to: path, metadata: try ModelNote(recipe: recipe, data: data).metadata)
    }
}

extension ScheduledSettings {
    /// The schedule of the learning rate for each group: as much more or less as the group's rate is than the optimizer's.
    fileprivate func shared(by groups: [ParameterGroup], rate: Double) -> ScheduledSettings {
        guard let schedule = learningRates.first, groups.contains(where: { $0.learningRate != rate }) else {
            return self
        }
        var settings = self
        settings.learningRates = groups.map { group in
            group.learningRate == rate ? schedule : schedule * ConstantRate(group.learningRate / rate)
        }
        return settings
    }
}
