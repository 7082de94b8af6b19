import MartletGraph
import MartletNN
import MartletTensor

extension Layer {
    /// The memory that training steps take after the first, for inputs of this shape, from their plan: nothing is computed, and
    /// neither gradients nor the optimizer's state are made.
    ///
    /// The step is the usual one, through `compile`: gradients are forgotten, the loss computed, `backward()`, `step()`. In the
    /// answer's `state` the layer's buffers come first, then what the optimizer carries along. Throws where the step cannot be
    /// planned.
    ///
    ///     let forecast = try model.memory(training: Adam(model.parameters), input: [64, 1, 28, 28])
    ///     print(forecast.peak, forecast.activations, forecast.state[1])
    ///
    /// - Parameters:
    ///   - labels: the shape of the labels, which are int64; nil is one for each input of the batch.
    ///   - keepingGradients: false for steps that forget the gradients (`Optimizer.step`).
    ///   - loss: of the layer's output and the labels.
    public func memory(
        training optimizer: Optimizer, input shape: Shape, dtype: DataType = .float32, labels: Shape? = nil,
        keepingGradients: Bool = true,
        loss: @escaping (Tensor, Tensor) -> Tensor = { crossEntropy($0, $1) }
    ) throws -> MemoryForecast {
        let step = compile(updating: self, optimizer) { (x: Tensor, y: Tensor) in
            optimizer.zeroGradients()
            let value = loss(self(x), y)
            value.backward()
            optimizer.step(keepingGradients: keepingGradients)
            return value.detached()
        }
        let labels = labels ?? Shape(Array(shape.sizes.prefix(1)))
        return try step.memory(Tensor.zeros(shape, dtype: dtype), Tensor.zeros(labels, dtype: .int64))
    }
}
