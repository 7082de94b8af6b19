import MartletGraph
import MartletTensor

/// A dense layer: y = x·Wᵀ + b.
///
/// ## Shapes
/// - `[..., inputs]` → `[..., outputs]`; weight `[outputs, inputs]`, bias `[outputs]`
public final class Linear: Layer, CountsOperations {
    /// W, `[outputs, inputs]`.
    public let weight: Parameter
    /// b, `[outputs]`; nil where there is none.
    public let bias: Parameter?

    /// Weight and bias start from U(-1/√inputs, 1/√inputs), as PyTorch's do, unless told otherwise.
    public init(
        _ inputs: Int, _ outputs: Int, bias: Bool = true, initializer: Initializer = .torchDefault,
        biasInitializer: Initializer? = nil
    ) {
        weight = Parameter(initializer([outputs, inputs]))
        let first = biasInitializer ?? .torchBias(fanIn: inputs)
        self.bias = bias ? Parameter(first([outputs])) : nil
    }

    /// x·Wᵀ + b.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        observed(x) { x in quantized(x) ?? linear(x, weight.value, bias: bias?.value) }
    }

    /// One for each output element and input: elements of `output` · inputs.
    public func multiplyAdds(input: Shape, output: Shape) -> Int { output.elementCount * weight.shape[1] }
}
