import MartletData
import MartletTensor
import MartletTesting
import MartletVision
import Testing

/// Changes of whole batches.
@Suite struct BatchTransformTests {
    private let batch = Batch(
        inputs: Tensor((0..<4).flatMap { [Float](repeating: Float($0), count: 2 * 6 * 5) }, shape: [4, 2, 6, 5]),
        labels: Tensor([0, 1, 2, 1] as [Int]), indices: [10, 11, 12, 13])

    @Test func `MixUp blends each picture with the one before it, and labels alike`() throws {
        let mixed = try MixUp(numClasses: 3).mixed(batch, share: 0.75)
        #expect(mixed.inputs.shape == [4, 2, 6, 5])
        let values = mixed.inputs.reshape([4, 60]).mean(axes: [1]).array()
        #expect(zip(values, [0.75, 0.75, 1.75, 2.75] as [Float]).allSatisfy { abs($0 - $1) < 1e-6 }, "\(values)")
        let labels = mixed.labels.array()
        #expect(labels == [0.75, 0.25, 0, 0.25, 0.75, 0, 0, 0.25, 0.75, 0, 0.75, 0.25])
        // Probabilities are blended again.
        let twice = try MixUp().mixed(mixed, share: 0.5)
        #expect(twice.labels.array()[0] == 0.375 && twice.labels.array()[1] == 0.5)
    }

    @Test func `CutMix exchanges a rectangle, and labels by its area`() throws {
        let mixed = try CutMix(numClasses: 3).mixed(batch, rows: 1..<3, columns: 2..<5)
        let picture = Array(mixed.inputs.array()[60..<90])
        for row in 0..<6 {
            for column in 0..<5 {
                let isReplaced = 1..<3 ~= row && 2..<5 ~= column
                #expect(picture[row * 5 + column] == (isReplaced ? 0 : 1))
            }
        }
        let labels = mixed.labels.array()
        #expect(abs(labels[3] - 0.2) < 1e-6 && abs(labels[4] - 0.8) < 1e-6)
        // Bytes are exchanged as well.
        var bytes = batch
        bytes.inputs = batch.inputs.to(dtype: .uint8)
        #expect(try CutMix(numClasses: 3).mixed(bytes, rows: 1..<3, columns: 2..<5).inputs.dtype == .uint8)
    }

    @Test func `Shares are random and follow from the generator`() throws {
        for transform in [MixUp(numClasses: 3) as any BatchTransform, CutMix(numClasses: 3)] {
            var seen: [[Float]] = []
            for seed in [1, 1, 2] as [UInt64] {
                try withGenerator(Generator(seed: seed)) { seen.append(try transform(batch).labels.array()) }
            }
            #expect(seen[0] == seen[1] && seen[0] != seen[2])
            for labels in seen {
                for row in 0..<4 { #expect(abs(labels[3 * row..<3 * row + 3].reduce(0, +) - 1) < 1e-5) }
            }
        }
    }

    @Test func `Labels that are no classes are errors that name the sample`() throws {
        let error = #expect(throws: DataError.self) { try MixUp(numClasses: 2).mixed(batch, share: 0.5) }
        #expect(error?.index == 12 && error?.field == "labels")
        #expect(throws: DataError.self) { try CutMix()(batch) }
        var bytes = batch
        bytes.inputs = batch.inputs.to(dtype: .uint8)
        #expect(throws: DataError.self) { try MixUp(numClasses: 3)(bytes) }
    }

    @Test func `Each picture of a batch gets parameters of its own`() throws {
        var pictures = batch
        pictures.inputs = Tensor((0..<8 * 36).map { Float($0 % 36) / 36 }, shape: [8, 1, 6, 6])
        pictures.indices = Array(0..<8)
        let given = pictures
        let flipped = try withGenerator(Generator(seed: 3)) { try EachSample([RandomHorizontalFlip()])(given) }
        let rows = (0..<8).map { Array(flipped.inputs.array()[36 * $0..<36 * $0 + 36]) }
        #expect(Set(rows).count == 2)
        #expect(throws: DataError.self) { try EachSample([RandomResize(minSize: 3, maxSize: 9)])(pictures) }
    }
}
