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

    @Test func `What loses takes no part of an infinite gradient`() {
        let zero = Tensor([0, 0])
        #expect(slope({ maximum($0, zero).sqrt() }, [-1, 4]).array() == [0, 0.25])
        #expect(slope({ minimum($0, zero).abs().sqrt() }, [1, -4]).array() == [0, -0.25])
        #expect(slope({ $0.max(axis: 1).sqrt() }, Tensor([[0, -1]])).array() == [.infinity, 0])
        #expect(slope({ $0.min(axis: 1).sqrt() }, Tensor([[4, 9, 4]])).array() == [0.125, 0, 0.125])
        let winner = slope({ $0.max(axis: 0) * 3 }, Tensor([1, Float.nan])).array()
        #expect(winner == [0, 3])
        let weight = Tensor([0.25])
        #expect(slope({ prelu(Tensor([.infinity, -1] as [Float]), $0).clipped(high: 5) }, weight).array() == [-1])
    }

    @Test func `A remainder's derivative by the divisor is its own quotient`() {
        #expect(slope({ Tensor([1]) % $0 }, [0.1]).array() == [-9])
    }

    @Test func `A power of zero has no curvature by its exponent`() {
        #expect(curvature({ Tensor([0]).pow($0) }, [2]).array() == [0])
    }

    @Test func `Derivatives of float16 stay in its range`() {
        func half(_ numbers: [Float]) -> Tensor { Tensor(numbers).to(dtype: .float16) }
        let labels = half([0, 1])
        #expect(slope({ -(labels * $0.log()) }, half([1e-5, 0.5])).array() == [0, -2])
        #expect(
            slope({ $0 / 1e-5 * 0.01 }, half([0.5])).to(dtype: .float32).isClose(to: [999], relativeTolerance: 2e-3))
        #expect(slope({ gelu($0, approximate: true) }, half([300, -300])).array() == [1, 0])
        #expect(gelu(half([300]), approximate: true).dtype == .float16)
        #expect(hardswish(half([20_000])).array() == [20_000])
        // 70,000 equal elements share a gradient.
        let share = slope({ $0.max() * 1000 }, Tensor.zeros([70_000], dtype: .float16)).to(dtype: .float32)
        #expect(share.isClose(to: Tensor.full([70_000], 1000.0 / 70_000), relativeTolerance: 1e-2))
    }

    @Test func `Equal elements of an adaptive pool's window leave the gradient to the first`() {
        let x = Tensor([1, 1, 0, 0, 0] as [Float], shape: [1, 1, 5])
        #expect(slope({ adaptiveMaxPool1d($0, outputSize: 3) }, x).array() == [1, 1, 0, 1, 0])
        let image = Tensor.ones([1, 1, 5, 5])
        let gradient = slope({ adaptiveMaxPool2d($0, outputSize: [2, 2]) }, image).array()
        #expect(gradient.enumerated().filter { $0.element != 0 }.map(\.offset) == [0, 2, 10, 12])
    }
}
