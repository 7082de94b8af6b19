import MartletData
import MartletGraph
import MartletNN
import MartletTensor

/// Finds out before the first step whether an epoch has a batch of one example that a batch normalisation could not take: the
/// variance of one number is not defined.
package enum BatchNormCheck {
    /// The path of the first layer that gets one value a channel from an epoch's smallest batch; nil where none does.
    package static func misfit(_ model: any Layer, on loader: DataLoader) -> String? {
        guard smallestBatch(of: loader) == 1, loader.dataset.count > 0, model.hasRunningStatistics,
            let inputs = lonelyInputs(of: loader)
        else { return nil }
        return firstLayerWithOneValue(model, like: inputs)
    }

    /// Throws where there is such a layer.
    package static func check(_ model: any Layer, on loader: DataLoader) throws(DataError) {
        guard let layer = misfit(model, on: loader) else { return }
        let count = loader.sampler.count(of: loader.dataset.count)
        throw DataError(
            dataset: "training data", field: "batches",
            expected:
                "two examples in each, as the batch normalisation \(layer) needs; drop the last batch, or choose another "
                + "batch size",
            found: "one in the last: \(count) examples in batches of \(loader.batchSize)")
    }

    private static func smallestBatch(of loader: DataLoader) -> Int {
        let rest = loader.sampler.count(of: loader.dataset.count) % loader.batchSize
        return rest == 0 || loader.dropLast ? loader.batchSize : rest
    }

    /// The inputs of a batch of the first example alone, made as the loader makes its own; nil where it cannot be read.
    private static func lonelyInputs(of loader: DataLoader) -> Tensor? {
        withGenerator(seed: 0) {
            guard (try? loader.dataset[0]) != nil else { return nil }
            let lonely = DataLoader(
                first(of: loader.dataset), batchSize: 1, seed: 0, onError: loader.onError,
                collation: loader.collation, batchTransform: loader.batchTransform)
            return lonely.first { _ in true }?.inputs
        }
    }

    private static func first(of data: some Dataset) -> any Dataset { data.subset(0..<1) }

    /// Runs the model on one example in evaluation mode: only recorded, nothing is read.
    private static func firstLayerWithOneValue(_ model: any Layer, like inputs: Tensor) -> String? {
        let names = Dictionary(
            model.namedModules.map { (ObjectIdentifier($0.module), $0.name) }, uniquingKeysWith: { first, _ in first })
        let modes = model.modeSwitches.map { ($0, $0.isTraining) }
        model.eval()
        defer { for (mode, isTraining) in modes { mode.isTraining = isTraining } }
        var found: String?
        withForwardHook { layer, input, _ in
            guard found == nil, let norm = layer as? any NormalizationLayer,
                input.elementCount == norm.runningMean.value.elementCount
            else { return }
            found = names[ObjectIdentifier(layer)] ?? "\(type(of: layer))"
        } _: {
            withoutGradient { _ = model(Tensor.zeros(inputs.shape, dtype: inputs.dtype)) }
        }
        return found
    }
}

extension Module {
    /// Whether a batch normalisation follows statistics in training.
    package var hasRunningStatistics: Bool { namedModules.contains { $0.module is any NormalizationLayer } }
}
