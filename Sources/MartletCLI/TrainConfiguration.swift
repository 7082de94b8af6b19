import ArgumentParser
import Martlet

/// Everything that a run's numbers depend on: `config.json`.
struct TrainConfiguration: Codable, Equatable {
    enum OptimizerName: String, ExpressibleByArgument, Codable, CaseIterable {
        case adam, adamw, sgd

        /// A rate with which the networks here learn well.
        var usualRate: Double { self == .sgd ? 0.05 : 2e-3 }

        /// The optimizer over parameters.
        func make(_ parameters: [Parameter], learningRate: Double) -> Optimizer {
            switch self {
            case .adam: Adam(parameters, learningRate: learningRate)
            case .adamw: AdamW(parameters, learningRate: learningRate)
            case .sgd: SGD(parameters, learningRate: learningRate, momentum: 0.9)
            }
        }
    }

    enum ScheduleName: String, ExpressibleByArgument, Codable, CaseIterable { case cosine, constant }

    var model: ModelName
    var data: DataName
    /// Where the data's files were looked for; nil for the usual places.
    var dataDirectory: String?
    var batchSize: Int
    var optimizer: OptimizerName
    var learningRate: Double
    var schedule: ScheduleName
    var seed: UInt64
    var device: String
    /// What computed when the run began: engine and threads decide the last bits.
    var machine: String
    var training: TrainingSettings

    /// "LeNet-5 on MNIST".
    var title: String { "\(model.title) on \(data.title)" }

    /// The optimizer over a model's parameters.
    func makeOptimizer(_ model: any Layer) -> Optimizer {
        optimizer.make(model.parameters, learningRate: learningRate)
    }

    /// The learning rate over a run of so many steps.
    func makeSchedule(stepsPerEpoch: Int) -> any Schedule {
        switch schedule {
        case .constant: ConstantRate(learningRate)
        case .cosine:
            CosineDecay(
                from: learningRate, to: learningRate / 100, steps: training.epochs * stepsPerEpoch,
                warmup: min(100, training.epochs * stepsPerEpoch / 20))
        }
    }
}
