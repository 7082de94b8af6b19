import MartletTensor
import Testing

/// Derivatives where a function's pieces meet, and where a root's own derivative is infinite.
struct EdgeDerivativeTests {
    private func slope(_ function: @escaping (Tensor) -> Tensor, _ x: Tensor) -> Tensor {
        gradient(of: { (x: Tensor) in function(x).sum() }, at: x)
    }

    private func curvature(_ function: @escaping (Tensor) -> Tensor, _ x: Tensor) -> Tensor {
        slope({ (x: Tensor) in slope(function, x) }, x)
    }

    @Test func `Softplus is smooth at zero and stable far from it`() {
        let x = Tensor([0, 1000, -1000])
        #expect(softplus(x).isClose(to: [0.6931472, 1000, 0]))
        #expect(slope({ softplus($0) }, x).array() == [0.5, 1, 0])
        #expect(curvature({ softplus($0) }, x).isClose(to: [0.25, 0, 0]))
        #expect(slope({ logSigmoid($0) }, x).array() == [0.5, 0, 1])
        #expect(curvature({ logSigmoid($0) }, x).isClose(to: [-0.25, 0, 0]))
        let far = Tensor([Float.infinity, -Float.infinity, Float.nan])
        #expect(softplus(far).isClose(to: far.clipped(low: 0), equalNaN: true))
    }

    @Test func `Exponential units have their lower side's derivative at zero`() {
        let zero = Tensor([0])
        #expect(slope({ elu($0) }, zero).array() == [1])
        #expect(slope({ elu($0, alpha: 2) }, zero).array() == [2])
        #expect(slope({ celu($0) }, zero).array() == [1])
        #expect(slope({ celu($0, alpha: 2) }, zero).array() == [1])
        #expect(slope({ selu($0) }, zero).isClose(to: [1.7580993]))
        // Neither side's derivative shows where the other one is.
        #expect(slope({ elu($0, alpha: 2) }, Tensor([500, -500])).array() == [1, 0])
        #expect(elu(Tensor([Float.nan])).isNaN().array(as: Bool.self) == [true])
        #expect(celu(Tensor([Float.nan])).isNaN().array(as: Bool.self) == [true])
    }

    @Test func `The norm of zeros has derivative zero`() {
        let x = Tensor([[3, 4], [0, 0]])
        #expect(x.norm(axes: [1]).array() == [5, 0])
        #expect(slope({ $0.norm(axes: [1]) }, x).isClose(to: [[0.6, 0.8], [0, 0]]))
        #expect(slope({ $0.norm() }, Tensor([0, 0])).array() == [0, 0])
        #expect(Tensor([Float.nan, 1]).norm().isNaN().item(as: Bool.self))
    }

    @Test func `The standard deviation of a constant row has derivative zero`() {
        let x = Tensor([[2, 2, 2], [1, 2, 3]])
        #expect(x.standardDeviation(axes: [1]).array() == [0, 1])
        #expect(slope({ $0.standardDeviation(axes: [1]) }, x).isClose(to: [[0, 0, 0], [-0.5, 0, 0.5]]))
    }

    @Test func `Clipping passes derivatives at its limits and none beyond them`() {
        let x = Tensor([-1, 0, 3, 5, 7])
        #expect(x.clipped(low: 0, high: 5).array() == [0, 0, 3, 5, 5])
        #expect(slope({ $0.clipped(low: 0, high: 5) }, x).array() == [0, 1, 1, 1, 0])
        // What arrives at -1 is infinite: the root's derivative at 0.
        #expect(slope({ $0.clipped(low: 0).sqrt() }, Tensor([-1, 4])).array() == [0, 0.25])
        #expect(slope({ (6 - $0.clipped(high: 6)).sqrt() }, Tensor([7, 2])).array() == [0, -0.25])
        #expect(x.clipped(low: 4, high: 2).array() == [2, 2, 2, 2, 2])
        #expect(Tensor([Float.nan]).clipped(low: 0, high: 1).isNaN().array(as: Bool.self) == [true])
        #expect(x.clipped(low: .nan).isNaN().all().item(as: Bool.self))
    }

    @Test func `Hard activations have derivative zero at their limits`() {
        #expect(slope({ hardtanh($0) }, Tensor([-1, 0, 1])).array() == [0, 1, 0])
        #expect(slope({ relu6($0) }, Tensor([0, 3, 6])).array() == [0, 1, 0])
        #expect(slope({ hardsigmoid($0) }, Tensor([-3, 0, 3])).isClose(to: [0, 0.16666667, 0]))
        #expect(slope({ hardswish($0) }, Tensor([-3, 3])).isClose(to: [0, 1]))
    }

    @Test func `Thresholds keep what is not a number`() {
        let x = Tensor([Float.nan, 0.5, 1, -1])
        #expect(threshold(x, 0.5, value: 7).isClose(to: Tensor([Float.nan, 7, 1, 7]), equalNaN: true))
        #expect(hardshrink(x).isClose(to: Tensor([Float.nan, 0, 1, -1]), equalNaN: true))
        #expect(slope({ hardshrink($0) }, Tensor([-0.5, 0.2, 2])).array() == [0, 0, 1])
        #expect(hardtanh(x).isClose(to: Tensor([Float.nan, 0.5, 1, -1]), equalNaN: true))
    }
}
