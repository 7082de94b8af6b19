import MartletTesting
import Testing

@testable import MartletRuntime

@Suite("Packing an arena")
struct ArenaPackingTests {
    private typealias Stretch = ArenaPacking.Stretch

    /// Bytes that are needed at once at the fullest step.
    private func fullest(_ stretches: [Stretch]) -> Int {
        stretches.map(\.first).map { step in
            stretches.reduce(0) { $0 + ($1.first <= step && step <= $1.last ? $1.byteCount : 0) }
        }.max() ?? 0
    }

    @Test("What is needed at once never shares memory, and the arena ends with the last stretch")
    func apart() {
        for seed in 0..<200 as Range<UInt64> {
            var generator = FuzzRandom(seed: seed)
            let stretches = (0..<Int.random(in: 0...60, using: &generator)).map { _ in
                let first = Int.random(in: 0..<40, using: &generator)
                let longest = Bool.random(using: &generator) ? 4 : 40
                let length = Int.random(in: 0..<longest, using: &generator)
                return Stretch(
                    byteCount: 64 * Int.random(in: 1...50, using: &generator), first: first,
                    last: seed % 3 == 0 && length > 30 ? .max : first + length)
            }
            let packing = ArenaPacking(stretches)
            for (index, one) in stretches.enumerated() {
                for (number, other) in stretches.enumerated() where number < index {
                    guard one.first <= other.last, other.first <= one.last else { continue }
                    let (a, b) = (packing.offsets[index], packing.offsets[number])
                    #expect(a + one.byteCount <= b || b + other.byteCount <= a, "\(stretches)")
                }
            }
            let ends = zip(packing.offsets, stretches).map { $0 + $1.byteCount }
            #expect(packing.byteCount == ends.max() ?? 0 && packing.byteCount >= fullest(stretches))
        }
    }

    @Test("A large stretch late finds room where small ones were, and what lives on lies beside it")
    func late() {
        // Step by step: two at 0 and 3, the one between them goes, and the large one does not fit the hole.
        let stretches = [
            Stretch(byteCount: 192, first: 0, last: 1), Stretch(byteCount: 64, first: 1, last: 9),
            Stretch(byteCount: 320, first: 2, last: 3),
        ]
        let packing = ArenaPacking(stretches)
        #expect(packing.byteCount == 384)
        #expect(packing.offsets == [0, 320, 0])
    }
}
