import MartletGraph
import MartletTensor

/// What the convolutions share: how their parameters start, and what a call costs.
public protocol ConvolutionLayer: CountsOperations {
    /// The kernels, `[outputs, inputs / groups, kernel...]`.
    var weight: Parameter { get }
}

extension ConvolutionLayer {
    /// One for each output element and each weight of its channel: elements of `output` · inputs / groups · kernel size.
    public func multiplyAdds(input: Shape, output: Shape) -> Int {
        output.elementCount * weight.shape.sizes.dropFirst().reduce(1, *)
    }

    /// A weight from `initializer`, and a bias from `biasInitializer`, or else as PyTorch starts it.
    static func parameters(
        _ inputs: Int, _ outputs: Int, kernel: [Int], groups: Int, bias: Bool, _ initializer: Initializer,
        _ biasInitializer: Initializer? = nil
    ) -> (weight: Parameter, bias: Parameter?) {
        guard groups > 0, inputs % groups == 0, outputs % groups == 0 else {
            stop("\(Self.self)(\(inputs), \(outputs)): channels are no multiples of \(groups) groups")
        }
        let shape = Shape([outputs, inputs / groups] + kernel)
        let weight = Parameter(initializer(shape))
        guard bias else { return (weight, nil) }
        let first = biasInitializer ?? .torchBias(fanIn: Initializer.fans(of: shape).input)
        return (weight, Parameter(first([outputs])))
    }
}
