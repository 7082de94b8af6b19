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
}
