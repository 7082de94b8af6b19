import MartletNN
import MartletTensor

/// Four branches side by side, their channels one after the other: the block of `GoogLeNet`.
///
/// ## Shapes
/// `[batch, inputs, height, width]` → `[batch, outputs of the four branches, height, width]`
///
/// Source: C. Szegedy et al. (2015), figure 2b.
public final class Inception: Layer {
    /// 1 by 1.
    public let branch1: ConvolutionUnit
    /// 1 by 1, which reduces the channels, and 3 by 3.
    public let branch2: Sequential
    /// 1 by 1, which reduces the channels, and 3 by 3, where the paper has 5 by 5.
    public let branch3: Sequential
    /// A maximum of 3 by 3 and its projection, 1 by 1.
    public let branch4: Sequential

    /// A block by a row of the paper's table.
    ///
    /// - Parameters:
    ///   - inputs: the channels that come in.
    ///   - ones: the outputs of the 1 by 1 branch.
    ///   - threes: the reduced channels and the outputs of the 3 by 3 branch.
    ///   - fives: the reduced channels and the outputs of the branch that is 5 by 5 in the paper.
    ///   - projection: the outputs of the branch with the maximum.
    public init(_ inputs: Int, _ ones: Int, _ threes: (Int, Int), _ fives: (Int, Int), _ projection: Int) {
        branch1 = ConvolutionUnit(inputs, ones, kernelSize: 1)
        branch2 = Sequential {
            ConvolutionUnit(inputs, threes.0, kernelSize: 1)
            ConvolutionUnit(threes.0, threes.1, kernelSize: 3, padding: 1)
        }
        branch3 = Sequential {
            ConvolutionUnit(inputs, fives.0, kernelSize: 1)
            ConvolutionUnit(fives.0, fives.1, kernelSize: 3, padding: 1)
        }
        branch4 = Sequential {
            MaxPool2d(3, stride: 1, padding: 1, ceilMode: true)
            ConvolutionUnit(inputs, projection, kernelSize: 1)
        }
    }

    /// The branches' outputs, their channels one after the other.
    public func callAsFunction(_ x: Tensor) -> Tensor {
        concatenated([branch1(x), branch2(x), branch3(x), branch4(x)], axis: 1)
    }
}
