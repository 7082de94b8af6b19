import MartletNN
import MartletTensor

/// Gradients of several batches as of one: what does not fit into memory at once is taken in parts.
///
///     var accumulation = GradientAccumulation(batches: 4)
///     for batch in loader {
///         let loss = crossEntropy(model(batch.inputs), batch.labels)
///         if accumulation.backward(loss) {
///             optimizer.step()
///             optimizer.zeroGradients()
///         }
///     }
///
/// Each loss weighs 1 / `batches`, so that for equal batches the sum of the gradients is that of the whole batch's mean
/// loss. Statistics of batch normalisation stay those of the parts.
public struct GradientAccumulation: Sendable, Codable, Hashable {
    /// The batches that one step is for.
    public let batches: Int
    /// Those since the last step.
    public private(set) var pending = 0

    /// One step for so many batches; below 1 it counts as 1.
    public init(batches: Int) { self.batches = max(1, batches) }

    /// Adds a batch's gradients; true where they are all there and a step is due.
    public mutating func backward(_ loss: Tensor) -> Bool {
        (batches == 1 ? loss : loss / Double(batches)).backward()
        pending = (pending + 1) % batches
        return pending == 0
    }

    /// Ends an epoch whose last batches are fewer: scales their gradients to their own mean; false where there are none.
    public mutating func finish(_ parameters: [Parameter]) -> Bool {
        guard pending > 0 else { return false }
        let scale = Double(batches) / Double(pending)
        pending = 0
        withoutGradient {
            for parameter in parameters { parameter.gradient = parameter.gradient.map { $0 * scale } }
        }
        return true
    }
}
