import MartletData
import MartletTensor

/// Samples whose inputs are their index and a random number, and whose reading can be made to fail.
struct Numbered: Dataset {
    struct Broken: Error, Equatable { let index: Int }

    let count: Int
    var broken: Set<Int> = []

    subscript(index: Int) -> Sample {
        get throws {
            if broken.contains(index) { throw Broken(index: index) }
            var random = RandomStream(.current)
            return Sample(inputs: Tensor([Float(index), random.unit()]), label: Tensor(index % 3))
        }
    }
}

/// Ten rows [i, i, i] of bytes with the label i mod 4.
func rows(_ count: Int = 10) throws -> TensorDataset {
    let bytes = (0..<count).flatMap { [UInt8](repeating: UInt8($0), count: 3) }
    return try TensorDataset(
        Tensor(bytes, shape: [count, 3]), Tensor((0..<count).map { UInt8($0 % 4) }), classCount: 4)
}

/// One epoch, written out.
func epoch(_ batches: some Sequence<Batch>) -> [[Float]] {
    batches.map { $0.inputs.array() + $0.labels.array() }
}
