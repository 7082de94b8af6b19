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
        func derive(_ kind: UInt64, _ offset: Int) -> Buffer {
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
            made.address.deallocate()
            kept = made
        }
        derive()
        #expect(kept != nil)
        source.beginGeneration()
        #expect(kept == nil)
    }
}
