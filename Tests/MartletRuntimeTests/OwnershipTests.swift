import Dispatch
import MartletCPU
import MartletGraph
import MartletRuntime
import MartletTensor
import MartletTesting
import Testing

/// Reads a value that a handle holds.
func read(_ handle: TensorHandle) throws -> HostArray {
    try Flush.run(handle.value)
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

    /// A differentiable image, pooled inside a checkpoint and run while one of the two results is held, values or positions, and what
    /// stands on the values.
    private func halfMade(holding result: Int) throws -> (image: TensorHandle, pool: Node) {
        let image = TensorHandle(differentiable(squares))
        let (pool, sum) = try Modes.with(
            { $0.checkpoint = CheckpointRegion() },
            {
                let values = try image.value.maxPool([2, 2]).values
                return (values.node, TensorHandle(values.sum()))
            })
        _ = try withExtendedLifetime(sum) { try read(TensorHandle(pool.result(result))) }
        #expect(pool.isMade(result) && pool.isReleased(1 - result))
        return (image, pool)
    }

    private func differentiable(_ array: HostArray) -> Value {
        let leaf = HostMemory.leaf(array, layout: 0)
        guard let realized = leaf.node.realized(0) else { return leaf }
        return .leaf(realized, array.type, device: nil, isDifferentiable: true)
    }

    private let squares = HostArray(TensorType([1, 1, 2, 4], .float32), real: [1, 9, 2, 3, 4, 5, 8, 7])

    @Test("Of two results the one that was not kept is made again where it is read", arguments: [0, 1])
    func halfMadeNode(kept: Int) throws {
        let (image, pool) = try halfMade(holding: kept)
        defer { withExtendedLifetime(image) {} }
        let address = pool.realized(kept)?.buffer.address
        let sum = TensorHandle(pool.result(1 - kept).sum())
        #expect(try read(sum).reals == (kept == 1 ? [17] : [7]))
        // Nobody held what the sum read: it is released still, until it is asked for itself.
        #expect(pool.isReleased(1 - kept))
        #expect(try read(TensorHandle(pool.result(1 - kept))).reals == (kept == 1 ? [9, 8] : [1, 6]))
        #expect(pool.isMade(0) && pool.isMade(1))
        #expect(pool.realized(kept)?.buffer.address == address)
    }

    @Test("A derivative reads positions that the checkpoint around both did not keep")
    func derivativeInCheckpoint() throws {
        let (image, node) = try halfMade(holding: 0)
        let pool = TensorHandle(node.result(0))
        let cotangent = leaf([3, 5]).value.reshaped(known: [1, 1, 1, 2])
        let gradient = Modes.with(
            { $0.checkpoint = pool.value.node.checkpoint },
            { Differentiation.gradients(of: [pool.value], cotangents: [cotangent], by: [image.value]) })
        #expect(try read(TensorHandle(try #require(gradient[0]))).reals == [0, 3, 0, 0, 0, 0, 5, 0])
    }

    @Test("Threads that ask for one released result all get it, and what was there stays", arguments: [0, 1])
    func concurrentReleased(kept: Int) throws {
        for _ in 0..<100 {
            let (image, pool) = try halfMade(holding: kept)
            defer { withExtendedLifetime(image) {} }
            DispatchQueue.concurrentPerform(iterations: 4) { thread in
                let asked = thread == 0 ? kept : 1 - kept
                let expected: [Double] = asked == 0 ? [9, 8] : [1, 6]
                let found = try? read(TensorHandle(pool.result(asked))).reals
                if found != expected { Issue.record("thread \(thread) read \(String(describing: found))") }
            }
        }
    }

    @Test("Integers and masks keep no history of what they were made from")
    func historyBehindMasks() throws {
        let x = TensorHandle(differentiable(HostArray(TensorType([3], .float32), real: [1, 2, 3])))
        let gate = x.value.applying(.exp)
        let chosen = TensorHandle(.choose(gate .> gate.constant(5), x.value, x.value.constant(0)))
        #expect(try read(chosen).reals == [0, 2, 3])
        #expect(gate.node.hasLostOperands)
        let scores = x.value.applying(.exp)
        let best = TensorHandle(try Value.recordOne(.argReduce(ArgReduce(.max, 0)), [scores]))
        #expect(try read(best).integers == [2])
        #expect(scores.node.hasLostOperands)
    }

    @Test("A node's many results are leaves of their own", arguments: [17, 63, 70])
    func manyResults(count: Int) throws {
        let leaves = (0..<count).map { Tensor([Float($0)]).requiringGradient() }
        let weights = Tensor((0..<count).map { Float($0 * $0) })
        (concatenated(leaves) * weights).sum().backward()
        let gradients = leaves.compactMap(\.gradient)
        #expect(gradients.count == count)
        _ = gradients[0].item()
        for (index, gradient) in gradients.enumerated() {
            #expect((gradients[0] + gradient).item() == Float(index * index))
        }
        #expect(gradients.map { $0.item() } == (0..<count).map { Float($0 * $0) })
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
