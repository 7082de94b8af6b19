import MartletTensor
import Testing

/// Numbers that an element type cannot hold: outside an integer's range, between integers, beyond a narrow float's largest.
struct NumberRangeTests {
    @Test func `Infinities are close to equal infinities only`() {
        let infinite = Tensor([Float.infinity, -Float.infinity, 1])
        #expect(infinite.isClose(to: infinite))
        #expect(!Tensor([1, 1, 1]).isClose(to: infinite))
        #expect(!infinite.isClose(to: [1, 1, 1]))
        #expect(!(-infinite).isClose(to: infinite))
    }

    @Test func `Nearness is judged in the type that both tensors meet in`() {
        let whole = Tensor([1, 2] as [Int])
        #expect(!whole.isClose(to: [1.4, 2.4]))
        #expect(whole.isClose(to: [1, 2]))
        let bytes = Tensor([0, 10] as [UInt8])
        #expect(!bytes.isClose(to: Tensor([255, 10] as [UInt8]), absoluteTolerance: 2))
        #expect(bytes.isClose(to: Tensor([2, 8] as [UInt8]), absoluteTolerance: 2))
        #expect(!bytes.isClose(to: Tensor([3, 8] as [UInt8]), absoluteTolerance: 2))
        #expect(!Tensor([Int.min]).isClose(to: Tensor([Int.max]), absoluteTolerance: 2))
        #expect(!Tensor([Int.max]).isClose(to: Tensor([Int.max - 1]), relativeTolerance: 0, absoluteTolerance: 0.5))
    }

    @Test func `Limits of integers are rounded inwards and kept to the type`() {
        let bytes = Tensor([0, 100, 255] as [UInt8])
        #expect(bytes.clipped(low: -5, high: 300).array() == [0, 100, 255])
        #expect(bytes.clipped(low: -.infinity, high: .infinity).array() == [0, 100, 255])
        #expect(bytes.clipped(low: 0.2, high: 99.9).array() == [1, 99, 99])
        #expect(bytes.clipped(low: 300).array() == [255, 255, 255])
        #expect(bytes.clipped(low: 1).dtype == .uint8)
        #expect(Tensor([-128, 5, 127] as [Int8]).clipped(low: -1000, high: 1e30).array() == [-128, 5, 127])
        #expect(Tensor([-7, 7] as [Int]).clipped(low: -2.5, high: 2.5).array() == [-2, 2])
        #expect(Tensor([Int.min, 7]).clipped(low: -.infinity, high: 1e30).array(as: Int.self) == [Int.min, 7])
    }

    @Test func `Integers compare exactly with numbers outside their type`() {
        let bytes = Tensor([0, 44, 255] as [UInt8])
        let (all, none) = ([true, true, true], [false, false, false])
        #expect((bytes .< 300).array(as: Bool.self) == all)
        #expect((bytes .<= 300).array(as: Bool.self) == all)
        #expect((bytes .> 300).array(as: Bool.self) == none)
        #expect((bytes .>= -1).array(as: Bool.self) == all)
        #expect((bytes .== 300).array(as: Bool.self) == none)
        #expect((bytes .!= 256).array(as: Bool.self) == all)
        #expect((bytes .< 255).array(as: Bool.self) == [true, true, false])
        #expect((Tensor([5] as [Int32]) .< 1_099_511_627_776).array(as: Bool.self) == [true])
    }

    @Test func `Integer images are interpolated with fractions and rounded once`() {
        let image = Tensor([0, 255] as [UInt8], shape: [1, 1, 2])
        let linear = interpolate(image, size: [4], mode: .linear)
        #expect(linear.dtype == .uint8)
        #expect(linear.array() == [0, 64, 191, 255])
        // The cubic overshoots by 27 at both ends.
        #expect(interpolate(image, size: [4], mode: .cubic).array() == [0, 58, 197, 255])
        let small = Tensor([0, 2] as [Int], shape: [1, 1, 2])
        #expect(interpolate(small, size: [4], mode: .linear).array() == [0, 0, 2, 2])
        #expect(interpolate(small, size: [4]).array() == [0, 0, 2, 2])
    }

    @Test func `Statistics of narrow floats are taken in float32`() {
        for dtype in [DataType.float16, .bfloat16] {
            let mean = Tensor.ones([100_000], dtype: dtype).mean()
            #expect(mean.dtype == dtype)
            #expect(mean.item() == 1)
        }
        let norm = Tensor.ones([100_000], dtype: .float16).norm()
        #expect(norm.dtype == .float16)
        #expect(norm.item() == 316.25)
        // The variance is beyond float16's largest number, its root is not.
        let far = Tensor([300, -300, 300, -300]).to(dtype: .float16)
        #expect(far.standardDeviation().item() == 346.5)
        #expect(far.variance().dtype == .float16)
        let slope = gradient(of: { $0.mean() }, at: Tensor.ones([4], dtype: .float16))
        #expect(slope.dtype == .float16)
        #expect(slope.array() == [0.25, 0.25, 0.25, 0.25])
    }

    @Test func `A new axis cannot keep its size`() async {
        #expect(Tensor([[1, 2, 3]]).expand([2, -1]).shape == [2, 3])
        #expect(Tensor([[1, 2, 3]]).expand([-1, 3]).shape == [1, 3])
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            _ = Tensor([1, 2, 3]).expand([-1, 3])
        }
        let written = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(written.contains("expand([3]): cannot become [-1, 3]"), "\(written)")
    }

    @Test func `Sums of exponentials of float16 are taken in float32`() {
        let zeros = Tensor.zeros([100_000], dtype: .float16)
        #expect(zeros.softmax(axis: 0).dtype == .float16)
        #expect(abs(zeros.softmax(axis: 0)[0].item() - 1e-5) < 1e-6)
        #expect(abs(zeros.logSoftmax(axis: 0)[0].item() + 11.513) < 0.01)
        #expect(abs(zeros.logSumExp(axis: 0).item() - 11.513) < 0.01)
        #expect(Tensor([0, 0] as [Int]).softmax(axis: 0).array() == [0.5, 0.5])
    }

    @Test func `Running sums and ranges are rounded once`() {
        #expect(Tensor.ones([20_000_000]).cumulativeSum(axis: 0)[-1].item() == 20_000_000)
        #expect(Tensor.arange(-2000, 2000, dtype: .float16)[2049].item() == 49)
        #expect(Tensor.arange(-40_000.0, 40_016.0, by: 16.0, dtype: .float16)[-1].item() == 40_000)
        #expect(Tensor.arange(-100_000.0, 100_000.0, by: 0.1)[1_000_001].item() == 0.1)
        #expect(Tensor.arange(3, -4, by: -3).array(as: Int.self) == [3, 0, -3])
    }

    @Test func `An adaptive average is that of its window alone`() {
        let x = Tensor([1, 2, 3, 4, .infinity] as [Float], shape: [1, 1, 5])
        #expect(adaptiveAvgPool1d(x, outputSize: 3).array() == [1.5, 3, .infinity])
        #expect(adaptiveAvgPool1d(x, outputSize: 2).array() == [2, .infinity])
        let wide = autocast { adaptiveAvgPool2d(Tensor.full([1, 1, 7, 7], 257.0), outputSize: [3]) }
        #expect(wide.dtype == .float32 && wide.array() == [Float](repeating: 257, count: 9))
    }

    @Test func `The nearest position is PyTorch's`() {
        // Whole places whose float64 product falls one short of them.
        func pick(_ size: Int, _ wanted: Int, _ position: Int) -> Float {
            interpolate(Tensor.arange(size).to(dtype: .float32).reshape([1, 1, size]), size: [wanted])[0, 0, position]
                .item()
        }
        #expect(pick(128, 196, 49) == 32)
        #expect(pick(128, 196, 98) == 64)
        #expect(pick(256, 196, 49) == 64)
        #expect(pick(5, 3, 2) == 3)
    }
}
