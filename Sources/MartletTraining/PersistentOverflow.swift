import MartletData
import MartletNN
import MartletOptim
import MartletTensor

/// A step in float16 overflowed though its loss was hardly scaled any more, or not at all: no smaller scale will help.
public struct PersistentOverflow: Error, Equatable, Sendable, CustomStringConvertible {
    /// The step, from 1 on.
    public let step: Int
    /// What its loss was multiplied by.
    public let scale: Double
    /// The indices in the data of the examples of the batch that overflowed.
    public let examples: [Int]
    /// The first layer whose output was not finite; nil where all were.
    public let layer: String?
    /// The first gradient that was not finite where every output was; nil where it was only the sum of several batches.
    public let gradient: NonFiniteGradient?

    /// One line: step, examples, scale, and the layer where there is one.
    public var description: String {
        let first = examples.prefix(4).map(String.init).joined(separator: ", ")
        let place =
            layer.map { "the first layer whose output is not finite is \($0)" } ?? gradient?.description
            ?? "every output and gradient of a batch alone is finite"
        return
            "step \(step) overflowed float16 with a loss scale of \(scale), where scaling is no longer the cause; \(place) "
            + "(batch of the examples \(first)\(examples.count > 4 ? ", …" : "")); train in bfloat16 or float32, or with a "
            + "lower learning rate"
    }
}

extension Trainer {
    /// The loss scale at which a step that overflows shows that scaling is not the cause.
    static let leastLossScale = 1.0

    /// Looks at a step that was passed over because it overflowed: whether it is one of those that will be for ever.
    ///
    /// - Throws: `DataError` where an input is no finite number; ``PersistentOverflow`` where the scale has come to its least.
    func examineOverflow(_ batches: [Batch], step: Int, scale: Double) throws {
        guard settings.stopsAtNonFiniteLoss else { return }
        for batch in batches { try Self.checkNumbers(of: batch, step: step) }
        guard scale <= Self.leastLossScale else { return }
        for batch in batches {
            let layer = firstNonFiniteLayer(batch)
            let gradient = layer == nil ? firstNonFiniteGradient(batch, scale: scale) : nil
            guard layer != nil || gradient != nil || batches.count == 1 else { continue }
            throw PersistentOverflow(
                step: step, scale: scale, examples: batch.indices, layer: layer, gradient: gradient)
        }
        throw PersistentOverflow(
            step: step, scale: scale, examples: batches.flatMap(\.indices), layer: nil, gradient: nil)
    }

    private func firstNonFiniteGradient(_ batch: Batch, scale: Double) -> NonFiniteGradient? {
        MartletTraining.firstNonFiniteGradient(of: model) {
            settings.precision.running { loss(model(batch.inputs), batch.labels) }.to(dtype: .float32) * scale
        }
    }

    /// Throws for the first example whose inputs or labels are not finite.
    private static func checkNumbers(of batch: Batch, step: Int) throws {
        for (field, tensor) in [("inputs", batch.inputs), ("labels", batch.labels)]
        where tensor.dtype.isFloatingPoint && tensor.rank > 0 {
            let rows = tensor.isFinite().reshape([tensor.shape[0], -1]).all(axis: 1).array(as: Bool.self)
            guard let row = rows.firstIndex(of: false) else { continue }
            throw DataError(
                dataset: "training data", field: field, index: batch.indices[row], expected: "finite numbers",
                found: "others, in step \(step)")
        }
    }
}
