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
        observed(x) { x in linear(x, weight.value, bias: bias?.value) }
    }

    /// One for each output element and input: elements of `output` · inputs.
    public func multiplyAdds(input: Shape, output: Shape) -> Int { output.elementCount * weight.shape[1] }
}

/// x·Wᵀ + b, the bias added inside the product.
///
/// ## Shapes
/// - x `[..., inputs]`, weight `[outputs, inputs]`, bias `[outputs]` → `[..., outputs]`
public func linear(_ x: Tensor, _ weight: Tensor, bias: Tensor? = nil) -> Tensor {
    Tensor.recording { () throws(ShapeError) in
        let (inputs, outputs) = (weight.shape.sizes.last ?? 0, weight.shape.first ?? 0)
        guard weight.rank == 2, x.rank >= 1, x.shape[x.rank - 1] == inputs else {
            throw ShapeError(
                "linear", "the input's last axis must have \(inputs) elements, as the weight has columns",
                shapes: [x.shape, weight.shape])
        }
        let rows = x.elementCount / max(1, inputs)
        let flat = x.value.reshaped(known: [rows, inputs])
        let common = DataType.promoted(flat.dtype, weight.dtype)
        let operands = [flat.cast(to: common), weight.value.cast(to: common).transposed]
        let product = try Value.record(
            .matmul(MatrixProduct(hasBias: bias != nil)), operands + (bias.map { [$0.value.cast(to: common)] } ?? []))[
                0]
        return product.reshaped(known: Shape(x.shape.sizes.dropLast() + [outputs]))
    }
}
