import MartletCPU
import MartletGraph
import MartletRuntime
import MartletTensor
import MartletTesting
import Testing

/// Reads a value that a handle holds.
func read(_ handle: TensorHandle) throws -> HostArray {
    try Flush.value(of: handle.value.node)
    let realized = try #require(handle.value.node.realized(handle.value.index))
    return HostArray(reading: realized, handle.value.type)
}

/// A leaf of float32 with these numbers.
func leaf(_ numbers: [Double]) -> TensorHandle {
    TensorHandle(HostMemory.leaf(HostArray(TensorType([numbers.count], .float32), real: numbers), layout: 0))
}

@Suite("Ownership")
struct OwnershipTests {
    init() { Runtime.start() }

    private func address(_ handle: TensorHandle) -> UnsafeMutableRawPointer? {
        handle.value.node.realized(0)?.buffer.address
    }

    @Test("What a plan replaces is overwritten where nothing else holds it")
    func donated() throws {
        var x: TensorHandle? = leaf([1, 2, 3])
        let before = x.flatMap { address($0) }
        let next = TensorHandle(try #require(x).value * 2)
        x = nil
        #expect(try read(next).reals == [2, 4, 6])
        #expect(address(next) == before)
    }

    @Test("An old value is never overwritten, nor one that a view shows")
    func held() throws {
        let x = leaf([1, 2, 3])
        let next = TensorHandle(x.value * 2)
        #expect(try read(next).reals == [2, 4, 6])
        #expect(try read(x).reals == [1, 2, 3])
        var base: TensorHandle? = leaf([4, 5, 6])
        let view = TensorHandle(try #require(base).value.sliced(axis: 0, start: 1, count: 2))
        #expect(try read(view).reals == [5, 6])
        let tripled = TensorHandle(try #require(base).value * 3)
        base = nil
        #expect(try read(tripled).reals == [12, 15, 18])
        #expect(try read(view).reals == [5, 6])
    }

    @Test("A read makes what handles hold, and nothing else")
    func readMakesHeld() throws {
        let x = leaf([1, 2])
        let between = x.value + 1
        let held = TensorHandle(between * 3)
        let other = TensorHandle(between * 5)
        #expect(try read(held).reals == [6, 9])
        #expect(other.value.node.state == .ready)
        #expect(between.node.state == .released)
    }

    @Test("Components that share nothing wait for their own read")
    func components() throws {
        try Recording.with(Recording()) {
            let a = TensorHandle(leaf([1]).value + 1)
            let b = TensorHandle(leaf([1]).value + 2)
            #expect(try read(a).reals == [2])
            #expect(b.value.node.isPending)
            try Flush.all()
            #expect(b.value.node.state == .ready)
        }
    }

    @Test("A value pending on another recording is run there first")
    func elsewhere() throws {
        let other = Recording()
        let x = Recording.with(other) { TensorHandle(leaf([1, 2]).value * 2) }
        let sum = TensorHandle(x.value + 1)
        #expect(x.value.node.state == .ready)
        #expect(other.nodes.isEmpty)
        #expect(try read(sum).reals == [3, 5])
    }

    @Test("Results without elements are values too")
    func empty() throws {
        let nothing = leaf([])
        #expect(try read(TensorHandle(nothing.value + 1)).reals == [])
        #expect(try read(TensorHandle(nothing.value.sum())).reals == [0])
        #expect(try read(TensorHandle(nothing.value.reduced(.product, [0]))).reals == [1])
        #expect(refused { () throws(ShapeError) in _ = try Value.record(.reduce(Reduce(.max, [0])), [nothing.value]) })
    }

    private func refused(_ body: () throws(ShapeError) -> Void) -> Bool {
        do throws(ShapeError) { try body() } catch { return true }
        return false
    }

    @Test("A chain of 100,000 nodes is freed one after the other")
    func longChain() throws {
        let trace = Recording(transformation: "chain")
        weak var first: Node?
        Recording.with(trace) {
            var value = Value.placeholder(TensorType([], .float32))
            first = value.node
            for _ in 0..<100_000 { value = value.applying(.negate) }
            #expect(first != nil)
        }
        trace.discard()
        #expect(first == nil)
    }
}
