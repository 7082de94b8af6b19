import Foundation
import MartletData
import MartletNN
import MartletOptim
import MartletTensor
import MartletTraining

/// A small classification problem with every part that a continuation could forget: dropout, batch normalisation,
/// shuffling, an optimizer with moments, a schedule, a last batch of another size.
struct ToyProblem {
    final class Net: Layer {
        let first = Linear(6, 16)
        let norm = BatchNorm1d(16)
        let drop = Dropout(0.3)
        let last = Linear(16, 3)

        func callAsFunction(_ x: Tensor) -> Tensor { last(drop(relu(norm(first(x))))) }
    }

    let trainer: Trainer
    let loader: DataLoader
    let test: DataLoader

    static let batches = 7

    init(
        settings: TrainingSettings, rate: Double = 0.01, seed: UInt64 = 3, poisonedAt poisoned: Int? = nil,
        statistics every: Int? = nil, optimizer make: ((Net) -> Optimizer)? = nil
    ) throws {
        manualSeed(seed)
        let model = Net()
        loader = DataLoader(try ToyProblem.data(count: 100, poisonedAt: poisoned), batchSize: 15, shuffle: true)
        test = DataLoader(try ToyProblem.data(count: 40, poisonedAt: nil), batchSize: 16)
        let statistics = every.map { LayerStatistics(of: model, every: $0, warn: { _ in }) }
        if let make {
            trainer = Trainer(
                model, make(model), schedules: ScheduledSettings(), statistics: statistics, settings: settings)
            return
        }
        let optimizer = Adam(model.parameters, learningRate: rate)
        trainer = Trainer(
            model, optimizer,
            schedules: ScheduledSettings(
                learningRate: CosineDecay(from: rate, to: rate / 100, steps: 40, warmup: 3)), statistics: statistics,
            settings: settings)
    }

    /// Points around three centres, the same in each process.
    static func data(count: Int, poisonedAt poisoned: Int?) throws -> TensorDataset {
        var random = RandomStream(seed: 17)
        var (points, labels) = ([Float](), [Int]())
        for index in 0..<count {
            let label = random.below(3)
            for axis in 0..<6 {
                points.append(index == poisoned ? .nan : random.uniform(-1, 1) + (axis % 3 == label ? 1 : 0))
            }
            labels.append(label)
        }
        return try TensorDataset(Tensor(points, shape: [count, 6]), Tensor(labels), classCount: 3)
    }

    /// The bits of every parameter and buffer, by name.
    var bits: [String: [UInt8]] {
        get throws { try trainer.model.stateDictionary.mapValues { try $0.withUnsafeBytes { Array($0) } } }
    }
}

/// A folder that is gone afterwards.
func withScratchFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("martlet-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    return try body(path)
}

extension DataLoader {
    /// The batch, counted from 0, of the first epoch in which a sample comes; a loader of the same seed says so.
    func position(of index: Int) -> Int? {
        let twin = DataLoader(dataset, batchSize: batchSize, shuffle: shuffle, seed: state.seed)
        return twin.enumerated().first { $0.element.indices.contains(index) }?.offset
    }
}
