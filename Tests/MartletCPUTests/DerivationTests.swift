import MartletCPU
import MartletGraph
import MartletNN
import MartletOptim
import MartletRuntime
import MartletTensor
import MartletTesting
import Synchronization
import Testing

/// What kernels keep of operands that are made of parameters: a cast, a factor for each channel.
@Suite("Operands made of parameters")
struct DerivationTests {
    /// x, weight, factor, shift.
    private static func arrays(seed: UInt64 = 31) -> [HostArray] {
        var numbers = CaseNumbers(seed: seed)
        return [
            numbers.reals([2, 16, 7, 9], .float32), numbers.reals([32, 16, 3, 3], .float32, in: -0.2...0.2),
            numbers.reals([32], .float32, in: 0.5...2), numbers.reals([32], .float32),
        ]
    }

    /// A convolution in a narrow type whose weights are the product of two parameters, scaled behind.
    private static func network(_ values: [Value], _ factor: Double = 1) throws(ShapeError) -> Value {
        let factors = try values[2].reshaped([32, 1, 1, 1])
        let weight = (values[1] * factors * values[1].number(factor)).cast(to: .bfloat16)
        let y = try values[0].cast(to: .bfloat16).convolution(weight, paddingLow: [1, 1])
        // What the weights are multiplied by and what is added come from one kernel.
        let norm = values[2] * values[2].number(0.5)
        let shift = values[3] - norm
        let scaled = y.cast(to: .float32) * norm.asChannels(rank: 4) + shift.asChannels(rank: 4)
        return scaled.cast(to: .bfloat16).applying(.relu).cast(to: .float32)
    }

    private static func result(_ values: [Value], factor: Double = 1) throws -> [Double] {
        try Recording.with(Recording()) {
            try Modes.with({ $0.recordsHistory = false }) {
                let held = TensorHandle(try network(values, factor))
                return try HostMemory.array(held.value).reals
            }
        }
    }

    /// The same without anything kept.
    private static func fresh(_ arrays: [HostArray], factor: Double = 1) throws -> [Double] {
        try PlanSettings.with(passes: .all.subtracting(.packedWeights)) {
            try result(arrays.map { HostMemory.leaf($0, layout: 0) }, factor: factor)
        }
    }

    @Test("What is kept gives the bits of what is made each time, and each parameter's change is seen")
    func freshness() throws {
        Runtime.start()
        var arrays = Self.arrays()
        var leaves = arrays.map { HostMemory.leaf($0, layout: 0) }
        let others = Self.arrays(seed: 32)
        for changed in [1, 0, 2, 1, 3, 2, 0] {
            let fresh = try (Self.fresh(arrays), Self.fresh(arrays, factor: 3))
            for _ in 0..<2 { #expect(try Self.result(leaves) == fresh.0) }
            // A number that is an argument of the run takes part as well.
            #expect(try Self.result(leaves, factor: 3) == fresh.1)
            arrays[changed] = arrays[changed].reals == others[changed].reals ? Self.arrays()[changed] : others[changed]
            leaves[changed] = HostMemory.leaf(arrays[changed], layout: 0)
        }
        let fresh = try Self.fresh(arrays)
        #expect(try Self.result(leaves) == fresh)
    }

    @Test("A parameter that is changed in its own memory is seen")
    func changedInPlace() throws {
        Runtime.start()
        let arrays = Self.arrays()
        let tensors = arrays.map { Tensor(HostMemory.leaf($0, layout: 0)) }
        var factor = tensors[2]
        var expected = arrays
        for _ in 0..<3 {
            let fresh = try Self.fresh(expected)
            #expect(try Self.result([tensors[0], tensors[1], factor, tensors[3]].map(\.value)) == fresh)
            factor = factor * 1.5
            expected[2] = HostArray(expected[2].type, real: factor.array(as: Double.self))
        }
    }

    @Test(
        "The steps behind a kept operand run on demand, right before their reader",
        .enabled(if: CPUBackend.shared.engine?.serves(.bfloat16) == true, "no engine multiplies bfloat16 here"))
    func plan() throws {
        Runtime.start()
        let trace = Recording(transformation: "test")
        defer { trace.discard() }
        let steps = try Recording.with(trace) {
            try Modes.with({ $0.recordsHistory = false }) {
                let inputs = Self.arrays().map { Value.placeholder($0.type) }
                let outputs = [try Self.network(inputs)]
                return try Program(inputs: inputs, outputs: outputs, trace: trace, device: .cpu).descriptions
            }
        }
        let reader = try #require(steps.firstIndex { $0.name.hasPrefix("convolution") })
        let onDemand = steps.indices.filter { steps[$0].isOnDemand }
        #expect(!onDemand.isEmpty && onDemand == Array((reader - onDemand.count)..<reader))
        // The input is cast in every run.
        #expect(steps[..<reader].contains { !$0.isOnDemand && $0.inputs.contains { $0.valueShape == [2, 16, 7, 9] } })
    }

    @Test(
        "Each kernel runs once where all is kept, and once more for each step on demand where something changed",
        .enabled(if: CPUBackend.shared.engine?.serves(.bfloat16) == true, "no engine multiplies bfloat16 here"))
    func counts() async throws {
        await #expect(processExitsWith: .success) {
            let backend = FailingBackend.install()
            let arrays = DerivationTests.arrays()
            var leaves = arrays.map { HostMemory.leaf($0, layout: 0) }
            func kernels() throws -> Int {
                let before = backend.kernelCount
                _ = try DerivationTests.result(leaves)
                return backend.kernelCount - before
            }
            let counts = try [kernels(), kernels(), kernels()]
            precondition(counts[1] < counts[0] && counts[2] == counts[1], "\(counts) kernels")
            leaves[1] = HostMemory.leaf(arrays[1], layout: 0)
            let changed = try [kernels(), kernels()]
            precondition(changed == [counts[0], counts[1]], "\(counts) kernels, then \(changed)")
        }
    }

    @Test("Formulas that differ in nothing but the order of a number and a parameter are two")
    func orderOfOperands() throws {
        Runtime.start()
        var numbers = CaseNumbers(seed: 34)
        let arrays = [
            numbers.reals([1, 64, 28, 28], .float32), numbers.reals([64, 64, 3, 3], .float32, in: -0.1...0.1),
        ]
        let (x, weight) = (Tensor(HostMemory.leaf(arrays[0], layout: 0)), Tensor(HostMemory.leaf(arrays[1], layout: 0)))
        let scalar = Tensor(5)
        withoutGradient {
            let plain = conv2d(x, weight, padding: 1).array()
            let twice = conv2d(x, weight * (scalar - 3), padding: 1).array()
            let minusTwice = conv2d(x, weight * (3 - scalar), padding: 1).array()
            for (index, value) in plain.enumerated() {
                #expect(abs(twice[index] - 2 * value) < 1e-3 && abs(minusTwice[index] + 2 * value) < 1e-3)
            }
        }
    }

    @Test("A weight that an optimizer changes in its own memory is seen by the next inference")
    func changedByOptimizer() throws {
        Runtime.start()
        let arrays = Self.arrays()
        let weight = Parameter(Tensor(HostMemory.leaf(arrays[1], layout: 0)))
        let optimizer = SGD([weight], learningRate: 0.5)
        let others = [0, 2, 3].map { Tensor(HostMemory.leaf(arrays[$0], layout: 0)) }
        var expected = arrays
        for _ in 0..<3 {
            let fresh = try Self.fresh(expected)
            for _ in 0..<2 {
                let values = [others[0], weight.value, others[1], others[2]].map(\.value)
                #expect(try Self.result(values) == fresh)
            }
            weight.gradient = Tensor.ones([32, 16, 3, 3])
            optimizer.step()
            expected[1] = HostArray(expected[1].type, real: weight.value.array(as: Double.self))
        }
    }

    /// x·Wᵀ in a narrow type, in inference.
    private static func product(_ leaves: [Value]) throws -> [Double] {
        try Recording.with(Recording()) {
            try Modes.with({ $0.recordsHistory = false }) {
                let weight = leaves[1].cast(to: .bfloat16).permuted([1, 0])
                let held = TensorHandle(leaves[0].cast(to: .bfloat16).matmul(weight).cast(to: .float32))
                return try HostMemory.array(held.value).reals
            }
        }
    }

    private static func productArrays(_ sign: Double = 1) -> [HostArray] {
        var numbers = CaseNumbers(seed: 33)
        let arrays = [numbers.reals([16, 512], .float32), numbers.reals([384, 512], .float32)]
        return [arrays[0], HostArray(arrays[1].type, real: arrays[1].reals.map { sign * $0 })]
    }

    @Test(
        "A product has the same bits before its weights are packed, once they are, and without", arguments: [1.0, -1.0])
    func productBits(sign: Double) throws {
        Runtime.start()
        let arrays = Self.productArrays(sign)
        let leaves = arrays.map { HostMemory.leaf($0, layout: 0) }
        let fresh = try PlanSettings.with(passes: .all.subtracting(.packedWeights)) {
            try Self.product(arrays.map { HostMemory.leaf($0, layout: 0) })
        }
        for _ in 0..<4 { #expect(try Self.product(leaves) == fresh) }
        let truth = (0..<512).reduce(0.0) { $0 + arrays[0].reals[$1] * arrays[1].reals[$1] }
        #expect(abs(fresh[0] - truth) < 1)
    }

    @Test(
        "A product's weights are packed once they are met again, and not cast any more",
        .enabled(if: CPUBackend.shared.engine?.serves(.bfloat16) == true, "no engine multiplies bfloat16 here"))
    func productCounts() async throws {
        await #expect(processExitsWith: .success) {
            let backend = FailingBackend.install()
            var leaves = DerivationTests.productArrays().map { HostMemory.leaf($0, layout: 0) }
            func kernels() throws -> Int {
                let before = backend.kernelCount
                _ = try DerivationTests.product(leaves)
                return backend.kernelCount - before
            }
            let counts = try [kernels(), kernels(), kernels(), kernels()]
            precondition(counts[1] == counts[0] && counts[2] < counts[1] && counts[3] == counts[2], "\(counts) kernels")
            leaves[1] = HostMemory.leaf(DerivationTests.productArrays(-1)[1], layout: 0)
            let changed = try [kernels(), kernels(), kernels()]
            precondition(changed == [counts[0], counts[1], counts[2]], "\(counts) kernels, then \(changed)")
        }
    }
}
