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
            let sample = withGenerator(seed: 0, { try? loader.dataset[0].inputs })
        else { return nil }
        return firstLayerWithOneValue(model, like: sample)
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

    /// Runs the model on one example in evaluation mode: only recorded, nothing is read.
    private static func firstLayerWithOneValue(_ model: any Layer, like sample: Tensor) -> String? {
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
            withoutGradient { _ = model(Tensor.zeros(Shape([1] + sample.shape.sizes), dtype: sample.dtype)) }
        }
        return found
    }
}

extension Module {
    /// Whether a batch normalisation follows statistics in training.
    var hasRunningStatistics: Bool { namedModules.contains { $0.module is any NormalizationLayer } }
}
