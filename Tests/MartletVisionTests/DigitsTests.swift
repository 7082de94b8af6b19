import MartletData
import MartletTensor
import MartletVision
import Testing

@Suite struct DigitsTests {
    @Test func `Digits have MNIST's shape, type and range`() throws {
        let digits = Digits(.train, scaling: .unit, count: 300)
        let batch = try #require(DataLoader(digits, batchSize: 300).first { _ in true })
        #expect(batch.inputs.shape == [300, 1, 28, 28])
        #expect(batch.inputs.dtype == .float32)
        #expect(batch.labels.dtype == .int64)
        #expect(digits.classCount == 10)
        #expect(batch.inputs.min().item() == 0)
        #expect(batch.inputs.max().item() == 1)
        // MNIST's mean is 0.1307; ink as dense as that, on paper that is mostly blank.
        let mean = batch.inputs.mean().item()
        #expect((0.08...0.16).contains(mean), "mean \(mean)")
    }

    @Test func `Sixty thousand images are standardised`() throws {
        let inputs = try #require(DataLoader(Digits(.train), batchSize: 60_000).first { _ in true }).inputs
        #expect(abs(inputs.mean().item()) < 1e-3)
        #expect(abs(inputs.variance().item() - 1) < 1e-3)
    }

    @Test func `Every class occurs about equally often`() {
        var counts = [Int](repeating: 0, count: 10)
        for label in Digits(.test, count: 1000).records.classes { counts[label] += 1 }
        #expect(counts.allSatisfy { (60...145).contains($0) }, "\(counts)")
    }

    @Test func `An image depends on seed, part and index alone`() throws {
        let few = Digits(.train, seed: 4, count: 10)
        let many = Digits(.train, seed: 4, count: 600)
        for index in 0..<10 { #expect(try pixels(few, index) == pixels(many, index)) }
        #expect(try pixels(few, 0) != pixels(Digits(.train, seed: 5, count: 10), 0))
        #expect(try pixels(few, 0) != pixels(Digits(.test, seed: 4, count: 10), 0))
        #expect(try pixels(few, 0) != pixels(few, 1))
    }

    @Test func `A set in use is not drawn a second time`() {
        let first = Digits(.test, seed: 11, count: 20)
        #expect(Digits(.test, seed: 11, count: 20).records === first.records)
        #expect(Digits(.test, seed: 12, count: 20).records !== first.records)
    }

    @Test func `Every picture lies within its frame and has ink enough to read`() throws {
        let digits = Digits(.train, seed: 1, count: 500)
        for batch in DataLoader(digits, batchSize: 500) {
            let strong = (batch.inputs .> 0.5).to(dtype: .float32)
            let inked = strong.sum(axes: [1, 2, 3]).array()
            #expect(inked.allSatisfy { (12...330).contains($0) }, "\(inked.min() ?? 0) \(inked.max() ?? 0)")
            // Less than one strong pixel in 500 lies on the frame's outermost ring.
            let inner = strong[.all, .all, .from(1, to: 27), .from(1, to: 27)].sum().item()
            #expect(strong.sum().item() - inner < strong.sum().item() / 500)
        }
    }

    private func pixels(_ digits: Digits, _ index: Int) throws -> [Float] { try digits[index].inputs.array() }
}
