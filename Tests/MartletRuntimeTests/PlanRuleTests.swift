import Foundation
import MartletCPU
import MartletGraph
import MartletRuntime
import MartletTensor
import MartletTesting
import Testing

/// Rules that are counted in plans and bytes of the whole process: each test is a process of its own.
@Suite("Plans")
struct PlanRuleTests {
    @Test("Numbers of the user's and slice starts meet the same plan; axes and kinds do not")
    func keys() async {
        await #expect(processExitsWith: .success) { try PlanRuleTests.checkKeys() }
    }

    private static func checkKeys() throws {
        Runtime.start()
        let x = TensorHandle(
            HostMemory.leaf(HostArray(TensorType([3, 3], .float32), filledWith: 1), layout: 0))
        func made(_ body: () -> Value) throws -> Int {
            let before = PlanCache.shared.counts.made
            _ = try read(TensorHandle(body()))
            return PlanCache.shared.counts.made - before
        }
        #expect(try made { x.value * x.value.number(2) } == 1)
        #expect(try made { x.value * x.value.number(3) } == 0)
        #expect(try made { x.value.sliced(axis: 0, start: 0, count: 2) + 1 } == 1)
        #expect(try made { x.value.sliced(axis: 0, start: 1, count: 2) + 1 } == 0)
        #expect(try made { x.value.sum([0]) } == 1)
        #expect(try made { x.value.sum([1]) } == 1)
        #expect(try made { x.value.reduced(.max, [1]) } == 1)
        #expect(try made { x.value.flipped([0]) + 1 } == 1)
        #expect(try made { x.value.flipped([1]) + 1 } == 1)
    }

    @Test("Ten thousand unread turns of a loop make three plans at most, and memory stays flat")
    func unread() async {
        await #expect(processExitsWith: .success) { try PlanRuleTests.checkUnread() }
    }

    private static func checkUnread() throws {
        Runtime.start()
        func runLoop(_ turn: (TensorHandle) -> Value) throws {
            let before = PlanCache.shared.counts.made
            var state = leaf([0.25, 0.5, 0.75, 1])
            var peaks: [Int] = []
            for step in 0..<10_000 {
                state = TensorHandle(turn(state))
                if step % 2_500 == 2_499 { peaks.append(CPUBackend.shared.memory.statistics.peak) }
            }
            try Flush.all()
            #expect(PlanCache.shared.counts.made - before <= 3)
            #expect(peaks.dropFirst(2).allSatisfy { $0 == peaks[1] })
        }
        // A running total, a moving mean, and a power iteration of 37 nodes.
        try runLoop { $0.value + 1 }
        try runLoop { $0.value * 0.9 + $0.value.mean() * 0.1 }
        try runLoop { state in
            var value = state.value
            for _ in 0..<6 { value = (value * value + 1).applying(.sqrt).applying(.tanh) }
            return value / value.sum()
        }
    }

    @Test("An unread sum over large values keeps no more of them alive than the bound")
    func bytes() async {
        await #expect(processExitsWith: .success) {
            Runtime.start()
            Recording.byteBound = 32 << 20
            var total = Tensor(0)
            CPUBackend.shared.memory.resetPeak()
            for turn in 0..<400 {
                let batch = Tensor.full([1 << 18], Double(turn % 2))
                _ = batch[0].item()
                total = total + batch.sum()
            }
            #expect(CPUBackend.shared.memory.statistics.peak < 80 << 20)
            #expect(total.item() == Float(200 << 18))
        }
    }

    @Test("Batch normalisation recalibrated unread comes to rest on its plans, and memory stays flat")
    func recalibration() async {
        await #expect(processExitsWith: .success) { try PlanRuleTests.checkRecalibration() }
    }

    /// Training forward passes whose outputs nobody reads: only the running statistics are held.
    private static func checkRecalibration() throws {
        Runtime.start()
        let numbers = (0..<24).map { Double($0 * $0 % 17) }
        let images = HostArray(TensorType([3, 2, 2, 2], .float32), real: numbers)
        let batch = TensorHandle(HostMemory.leaf(images, layout: 0))
        let (scale, shift) = (leaf([1, 2]), leaf([0, 1]))
        var (mean, variance) = (leaf([0, 0]), leaf([1, 1]))
        var plans: [Int] = []
        var peaks: [Int] = []
        for step in 0..<10_000 {
            // Held one by one, as the tensors of a program are.
            let results = Value.makeAll(
                .composite(CompositeCall(BatchNormTraining(epsilon: 1e-5))), [batch.value, scale.value, shift.value]
            ).map { TensorHandle($0) }
            mean = TensorHandle(mean.value * 0.9 + results[1].value * 0.1)
            variance = TensorHandle(variance.value * 0.9 + results[2].value * (12.0 / 11 * 0.1))
            guard step % 2_500 == 2_499 else { continue }
            plans.append(PlanCache.shared.counts.made)
            peaks.append(CPUBackend.shared.memory.statistics.peak)
        }
        try Flush.all()
        // From the start to the first cut, from one cut to the next, and what is left at the end.
        #expect(plans.allSatisfy { $0 <= 2 && $0 == plans[0] }, "\(plans)")
        #expect(PlanCache.shared.counts.made <= 3)
        #expect(peaks.dropFirst(2).allSatisfy { $0 == peaks[1] })
        // The same batch every time: the running statistics have become its own, the variance with n - 1 below.
        for channel in 0..<2 {
            let own = numbers.indices.filter { $0 / 4 % 2 == channel }.map { numbers[$0] }
            let average = own.reduce(0, +) / 12
            let spread = own.reduce(0) { $0 + ($1 - average) * ($1 - average) } / 11
            #expect((try read(mean).reals[channel] - average).magnitude < 1e-5 * average)
            #expect((try read(variance).reals[channel] - spread).magnitude < 1e-5 * spread)
        }
    }

    @Test("Where an allocation fails, results are failed, and what was there before is untouched")
    func failingAllocation() async {
        await #expect(processExitsWith: .success) { try PlanRuleTests.checkFailingAllocation() }
    }

    private static func checkFailingAllocation() throws {
        Runtime.start()
        let x = leaf([1, 2, 3])
        for failing in 0..<3 {
            let first = TensorHandle(x.value + 1)
            let second = TensorHandle((first.value * 2).matmulWithItself())
            CPUBackend.shared.memory.failAllocation(after: failing)
            do {
                _ = try read(second)
                Issue.record("allocation \(failing) did not fail")
            } catch is MemoryError {
            } catch { Issue.record("another error: \(error)") }
            CPUBackend.shared.memory.failAllocation(after: nil)
            #expect(first.value.node.state == .failed && second.value.node.state == .failed)
            #expect(throws: MemoryError.self) { _ = try read(first) }
            #expect(try read(x).reals == [1, 2, 3])
            #expect(try read(TensorHandle(x.value + 1)).reals == [2, 3, 4])
        }
    }

    @Test("Where a kernel fails, every result is failed, the one written in place too, and the next run is whole")
    func failingKernel() async {
        await #expect(processExitsWith: .success) { try PlanRuleTests.checkFailingKernel() }
    }

    private static func checkFailingKernel() throws {
        let backend = FailingBackend.install()
        let x = leaf([1, 2, 3])
        // A product, what is made of it, and an update that takes over the memory of what it replaces: three kernels.
        func step() -> (product: TensorHandle, updated: TensorHandle) {
            let old = leaf([4, 5, 6])
            let product = TensorHandle(x.value.matmulWithItself())
            return (product, TensorHandle((old.value - product.value.sum([0]) * 0.5).sum([0]) + old.value))
        }
        let whole = try read(step().updated).reals
        for failing in 0..<10 {
            let (product, updated) = step()
            backend.fail(.kernel, after: failing)
            let result = Result { try read(updated).reals }
            backend.disarm()
            if failing >= 3, case .success(let reals) = result {
                #expect(reals == whole)
                return
            }
            #expect(throws: FailingBackend.Failure.self) { try result.get() }
            #expect(product.value.node.state == .failed && updated.value.node.state == .failed)
            #expect(throws: FailingBackend.Failure.self) { _ = try read(updated) }
            #expect(try read(x).reals == [1, 2, 3])
            #expect(try read(step().updated).reals == whole)
        }
        Issue.record("no number of kernels was enough")
    }

    @Test("A second backward without retainGraph stops and says so")
    func releasedHistory() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let x = Tensor([2, 3] as [Float]).requiringGradient()
            let loss = (x * x).sum()
            loss.backward()
            loss.backward()
        }
        let message = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
        #expect(message.contains("pass retainGraph: true"))
    }

    @Test("A gradient that arrives at a leaf which no variable holds is warned of, once")
    func lostLeaf() async throws {
        let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
            var weight = Tensor([2, 3] as [Float]).requiringGradient()
            for _ in 0..<3 {
                let loss = (weight * weight).sum()
                loss.backward(retainGraph: true)
                weight = weight - 0.1
            }
        }
        let message = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
        #expect(message.contains("a leaf of shape [2] that no variable holds any more"))
        #expect(message.components(separatedBy: "warning").count == 2)
    }

    @Test("Gradients that threads send to one leaf at the same time all arrive")
    func concurrentGradients() async {
        // In a process of its own the threads meet far more often.
        await #expect(processExitsWith: .success) {
            for _ in 0..<4 { PlanRuleTests.checkConcurrentGradients() }
        }
    }

    private static func checkConcurrentGradients() {
        let leaves = (1...4).map { Tensor([1, 2] as [Float]).requiringGradient() * Float($0) }
            .map { $0.detached().requiringGradient() }
        DispatchQueue.concurrentPerform(iterations: 64) { _ in
            var total = leaves[0] * 2
            for leaf in leaves.dropFirst() { total = total + leaf * total.detached() }
            (total * Tensor([1, 0])).sum().backward()
        }
        let alone = leaves.map { $0.detached().requiringGradient() }
        for _ in 0..<64 {
            var total = alone[0] * 2
            for leaf in alone.dropFirst() { total = total + leaf * total.detached() }
            (total * Tensor([1, 0])).sum().backward()
        }
        for (leaf, expected) in zip(leaves, alone) { #expect(leaf.gradient?.array() == expected.gradient?.array()) }
    }

    @Test("Threads that read one pending tensor all get its value")
    func concurrentReads() {
        for _ in 0..<200 {
            let x = (Tensor([1, 2, 3] as [Float]) * 2 + 1).exp().log()
            let sum = x.sum()
            DispatchQueue.concurrentPerform(iterations: 4) { index in
                let found = index % 2 == 0 ? sum.item() : (x + 1).sum().item() - 3
                if abs(found - 15) > 1e-3 { Issue.record("a thread read \(found)") }
            }
        }
    }

    @Test("A retained history is walked again and gradients add up")
    func retained() {
        let x = Tensor([2, 3] as [Float]).requiringGradient()
        let loss = (x * x).sum()
        loss.backward(retainGraph: true)
        #expect(loss.item() == 13)
        loss.backward()
        #expect(x.gradient?.array() == [8, 12])
    }
}

extension Value {
    /// The vector's outer product with itself.
    fileprivate func matmulWithItself() -> Value { insertingAxis(1).matmul(insertingAxis(0)) }
}
