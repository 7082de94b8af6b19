import MartletGraph
import MartletTensor

extension Layer {
    /// The memory that a call in inference takes for an input of this shape, from its plan: nothing is computed.
    ///
    /// As after `eval()` and inside `withoutGradient`, run through `compile`; the layer's own mode stays what it is. Throws where
    /// the call cannot be planned.
    ///
    ///     let forecast = try model.memory(input: [16, 3, 224, 224])
    ///     print(forecast.peak, forecast.temporaries)
    public func memory(input shape: Shape, dtype: DataType = .float32) throws -> MemoryForecast {
        let switches = modeSwitches
        let positions = switches.map(\.position)
        defer { for (mode, position) in zip(switches, positions) { mode.isTraining = position } }
        for mode in switches { mode.isTraining = false }
        let step = compile(updating: self) { (x: Tensor) in withoutGradient { self(x) } }
        return try step.memory(Tensor.zeros(shape, dtype: dtype))
    }
}
