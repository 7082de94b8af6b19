import ArgumentParser
import Martlet

/// `martlet train`.
struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train", abstract: "Train a network on images and show how it goes.",
        discussion: """
            Without options: LeNet-5 on MNIST where it is found or can be fetched, else on Digits. Ctrl-C saves a \
            checkpoint and leaves; so does nothing lose a run that is killed: go on with --resume FOLDER, and the \
            parameters end up the same, bit by bit.
            """)

    @Option(help: "The network.") var model: ModelName?
    @Option(help: "The data set.") var data: DataName?
    @Option(help: "A folder with the data set's files.") var dataDir: String?
    @Option(help: "Times that the data is gone through (10).") var epochs: Int?
    @Option(help: "Images in a step (64).") var batchSize: Int?
    @Option(help: "The optimizer.") var optimizer: TrainConfiguration.OptimizerName?
    @Option(help: "Its highest step size (adam, adamw 0.002; sgd 0.05).") var learningRate: Double?
    @Option(help: "How the step size changes.") var schedule: TrainConfiguration.ScheduleName?
    @Option(help: "Of weights, order and dropout (0).") var seed: UInt64?
    @Option(help: "Where to compute: cpu, or best.") var device: String?
    @Option(help: "The run's folder (runs/MODEL-DATE-TIME).") var output: String?
    @Option(help: "A checkpoint after so many steps, besides those after 30 seconds and each epoch.")
    var checkpointSteps: Int?
    @Option(help: "Checkpoints that are kept (3).") var keep: Int?
    @Option(help: "Go on with the run in this folder.") var resume: String?
    @Flag(help: "One JSON object a line on standard output, and no progress bar.") var json = false

    func validate() throws {
        if resume != nil {
            let others: [(String, Any?)] = [
                ("--model", model), ("--data", data), ("--data-dir", dataDir), ("--epochs", epochs),
                ("--batch-size", batchSize), ("--optimizer", optimizer), ("--learning-rate", learningRate),
                ("--schedule", schedule), ("--seed", seed), ("--device", device), ("--output", output),
                ("--checkpoint-steps", checkpointSteps), ("--keep", keep),
            ]
            let given = others.filter { $0.1 != nil }.map(\.0)
            guard given.isEmpty else {
                throw ValidationError("--resume goes on as the run began; leave out \(given.joined(separator: ", "))")
            }
        }
        for (name, number) in [
            ("--epochs", epochs), ("--batch-size", batchSize), ("--checkpoint-steps", checkpointSteps),
            ("--keep", keep),
        ] {
            if let number, number < 1 { throw ValidationError("\(name) must be at least 1, it is \(number)") }
        }
        if let learningRate, !(learningRate > 0 && learningRate.isFinite) {
            throw ValidationError("--learning-rate must be a number above 0, it is \(learningRate)")
        }
        _ = try DeviceName.device(device)
    }

    func run() throws {
        let session: TrainSession
        if let resume {
            let folder = try RunFolder.open(resume)
            let configuration = try folder.readConfiguration(as: TrainConfiguration.self)
            if configuration.machine != Machine.description {
                CommandLog.logger.warning(
                    """
                    The run began on \(configuration.machine) and goes on on \(Machine.description): its numbers will be right, \
                    but not the same to the last bit.
                    """)
            }
            session = TrainSession(
                configuration: configuration, data: try TrainingData(configuration), folder: folder, resumes: true,
                isJSON: json)
        } else {
            let (configuration, note) = try configuration()
            if let note { CommandLog.logger.notice("\(note)") }
            let data = try TrainingData(configuration)
            let folder = try output.map(RunFolder.create(at:)) ?? RunFolder.create(named: configuration.model.rawValue)
            session = TrainSession(
                configuration: configuration, data: data, folder: folder, resumes: false, isJSON: json)
        }
        try session.run()
    }

    private func configuration() throws -> (TrainConfiguration, note: String?) {
        let (data, note) = try DataName.choose(data, directory: dataDir)
        let optimizer = optimizer ?? .adam
        var training = TrainingSettings(epochs: epochs ?? 10, checkpointSteps: checkpointSteps)
        if let keep { training.keptCheckpoints = keep }
        let configuration = TrainConfiguration(
            model: model ?? .lenet5, data: data, dataDirectory: dataDir, batchSize: batchSize ?? 64,
            optimizer: optimizer, learningRate: learningRate ?? optimizer.usualRate, schedule: schedule ?? .cosine,
            seed: seed ?? 0, device: try DeviceName.device(device).description,
            machine: Machine.description, training: training)
        return (configuration, note)
    }
}

/// Devices by their names on the command line.
enum DeviceName {
    static func device(_ name: String?) throws -> Device {
        switch name {
        case nil, "best": return .best
        case "cpu": return .cpu
        case let name?: throw ValidationError("--device \(name): there is no such device; cpu and best are")
        }
    }
}
