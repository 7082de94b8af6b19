import MartletNN
import MartletTensor
import Testing

/// Layers and losses at signs: negative windows, and logits of exactly 0.
struct SignedSumTests {
    private let x = Tensor([[[-1, -2, 3, -1]]])

    @Test func `Power pooling of a negative sum is minus its size's root`() {
        // Sums -1 - 2 and 3 - 1; -1 - 8 and 27 - 1; 1 + 4 and 9 + 1.
        #expect(LpPool1d(power: 1, 2)(x).isClose(to: [[[-3, 2]]]))
        #expect(LpPool1d(power: 3, 2)(x).isClose(to: [[[-2.0800838, 2.9624960]]]))
        #expect(LpPool1d(power: 2, 2)(x).isClose(to: [[[2.2360680, 3.1622777]]]))
    }

    @Test func `Power pooling passes a derivative for negative sums and none for sums of zero`() {
        let linear = gradient(of: { lpPool1d($0, power: 1, kernelSize: 2).sum() }, at: x)
        #expect(linear.isClose(to: [[[1, 1, 1, 1]]]))
        let zeros = gradient(of: { lpPool1d($0, power: 2, kernelSize: 2).sum() }, at: Tensor.zeros([1, 1, 4]))
        #expect(zeros.array() == [0, 0, 0, 0])
    }

    @Test func `Binary cross entropy curves at a logit of zero`() {
        let target = Tensor([1])
        let slope = { (logits: Tensor) -> Tensor in
            gradient(of: { binaryCrossEntropyWithLogits($0, target, reduction: .sum) }, at: logits)
        }
        #expect(slope(Tensor([0])).array() == [-0.5])
        #expect(gradient(of: { slope($0).sum() }, at: Tensor([0])).array() == [0.25])
    }
}
