import MartletGraph
import MartletTensor
import Testing

/// Random bits against Philox as the graph's floor defines it.
struct RandomBitsTests {
    @Test("Bits are those of the stream, wherever a tile or a view begins and however long it is")
    func stream() {
        let (key, start) = Generator(seed: 77).nextStream()
        for count in [1, 3, 63, 64, 65, 511, 640, 5003] {
            let expected = (0..<count).map { RandomBits.bits(key: key, position: start + UInt64($0)) }
            let found = withGenerator(seed: 77) { Tensor.randomBits([count]) }
            #expect(found.array(as: Int.self) == expected, "\(count)")
            for begin in [1, 2, 7, 130] where begin < count {
                let part = withGenerator(seed: 77) { Tensor.randomBits([count])[begin...] }
                #expect(part.array(as: Int.self) == Array(expected[begin...]), "\(count) from \(begin)")
            }
            let strided = withGenerator(seed: 77) { Tensor.randomBits([count])[.from(0, by: 3)] }
            let every = stride(from: 0, to: count, by: 3).map { expected[$0] }
            #expect(strided.array(as: Int.self) == every, "every third of \(count)")
        }
    }
}
