import MartletNN
import MartletTensor
import Testing

@Suite struct UnreadBatchNormTests {
    @Test func aTrainingLoopWhoseOutputsNobodyReadsFollowsItsBatch() {
        let layer = BatchNorm2d(2)
        let x = Tensor([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 20] as [Float]).reshape([3, 2, 2, 1])
        for _ in 0..<10_000 { _ = layer(x) }
        // The same batch every time: its own mean, and its variance with n - 1 below.
        let own = [x[0..., 0], x[0..., 1]]
        for (channel, values) in own.enumerated() {
            #expect(abs(layer.runningMean.value[channel].item() - values.mean().item()) < 1e-4)
            #expect(abs(layer.runningVariance.value[channel].item() / values.variance().item() - 1) < 1e-4)
        }
    }
}
