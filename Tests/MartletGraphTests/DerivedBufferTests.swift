import MartletGraph
import Testing

/// What is made from a buffer's elements and kept with it.
@Suite("What is derived from a buffer")
struct DerivedBufferTests {
    private func buffer() -> Buffer {
        Buffer(address: .allocate(byteCount: 64, alignment: 64), byteCount: 64)
    }

    @Test("It is made once a kind and place, and anew when the elements have been overwritten")
    func generations() {
        let source = buffer()
        defer { source.address.deallocate() }
        var made: [Buffer] = []
        func derive(_ kind: UInt64, _ offset: Int) -> Buffer? {
            source.derived(DerivedKey(kind: kind, offset: offset)) {
                made.append(buffer())
                return made[made.count - 1]
            }
        }
        let first = derive(1, 0)
        #expect(derive(1, 0) === first)
        #expect(derive(2, 0) !== first)
        #expect(derive(1, 8) !== first)
        #expect(made.count == 3)
        source.beginGeneration()
        #expect(derive(1, 0) !== first)
        #expect(made.count == 4)
        for one in made { one.address.deallocate() }
    }

    @Test("It goes when the elements are overwritten: no memory is kept for what nobody can use")
    func release() {
        let source = buffer()
        defer { source.address.deallocate() }
        weak var kept: Buffer?
        func derive() {
            let made = source.derived(DerivedKey(kind: 1, offset: 0)) { buffer() }
            made?.address.deallocate()
            kept = made
        }
        derive()
        #expect(kept != nil)
        source.beginGeneration()
        #expect(kept == nil)
    }

    @Test("It is made anew for other sources, in the place of what was made before")
    func sources() {
        let (source, other) = (buffer(), buffer())
        defer { for one in [source, other] { one.address.deallocate() } }
        var made: [Buffer] = []
        func derive(_ others: [Realized], _ numbers: [Scalar]) -> Buffer? {
            source.derived(DerivedKey(kind: 1, offset: 0), DerivedBasis(others: others, numbers: numbers)) {
                made.append(buffer())
                return made[made.count - 1]
            }
        }
        let first = derive([Realized(buffer: other)], [Scalar(1)])
        #expect(derive([Realized(buffer: other)], [Scalar(1)]) === first)
        #expect(derive([Realized(buffer: other)], [Scalar(2)]) !== first)
        #expect(derive([Realized(buffer: other, offset: 4)], [Scalar(1)]) !== first)
        let again = derive([Realized(buffer: other)], [Scalar(1)])
        // Two are kept of one kind: the first had gone.
        #expect(again !== first && made.count == 4)
        #expect(derive([Realized(buffer: other, offset: 4)], [Scalar(1)]) === made[2] && made.count == 4)
        other.beginGeneration()
        #expect(derive([Realized(buffer: other)], [Scalar(1)]) !== again)
        #expect(derive([Realized(buffer: source)], [Scalar(1)]) !== again)
        for one in made { one.address.deallocate() }
    }

    @Test("Where making it pays only the second time it is asked for, nothing is made the first time")
    func secondSight() {
        let source = buffer()
        defer { source.address.deallocate() }
        var count = 0
        func derive(_ number: Int) -> Buffer? {
            let basis = DerivedBasis(others: [], numbers: [Scalar(number)])
            return source.derived(DerivedKey(kind: 1, offset: 0), basis, atOnce: false) {
                count += 1
                return buffer()
            }
        }
        #expect(derive(1) == nil && derive(2) == nil && derive(3) == nil && derive(1) == nil && count == 0)
        let made = derive(1)
        #expect(made != nil && derive(1) === made && count == 1)
        made?.address.deallocate()
    }
}
