import MartletCPU
import MartletGraph
import MartletRuntime
import MartletTensor
import MartletTesting
import Testing

/// bfloat16 activations: with all channels side by side where the engine multiplies in tiles, in blocks of 16 elsewhere.
@Suite("bfloat16 through convolutions, normalisation, pooling and concatenation")
struct ChannelsLastTests {
    /// A stem, pooling, batch normalisation with a residual, two branches joined and parted, and what another type meets.
    private static func network(_ values: [Value]) throws(ShapeError) -> [Value] {
        let own = values.map { $0.differentiableAlias() }
        let stem = try own[0].convolution(own[1], strides: [2, 2], paddingLow: [1, 1])
        let pooled = try stem.maxPool([3, 3], strides: [2, 2], padding: [1, 1]).values
        let norm = CompositeCall(BatchNormTraining(epsilon: 1e-3))
        let normalized = Value.makeAll(.composite(norm), [try pooled.convolution(own[2]), own[4], own[5]])[0]
        let sum = (normalized + pooled).applying(.relu)
        let branch = try sum.convolution(own[3], paddingLow: [1, 1])
        let joined = Value.make(.concatenate(Concatenate(1)), [sum, branch])
        let part = joined.sliced(axis: 1, start: 16, count: 48)
        let averaged = try part.averagePool([2, 2], strides: [1, 1])
        // A float32 convolution's result, in blocks of 16, meets what lies with all channels side by side.
        let wide = try sum.cast(to: .float32).convolution(own[6])
        let mixed = wide.cast(to: .bfloat16) + sum
        let loss =
            (averaged * averaged).sum([0, 1, 2, 3]).cast(to: .float32) + (mixed * mixed).cast(to: .float32).sum()
        let gradients = Differentiation.gradients(of: [loss], cotangents: [loss.ones()], by: own)
        return [averaged, mixed, sum.mean([2, 3])] + gradients.compactMap { $0 }
    }

    private static func inputs() -> [HostArray] {
        var numbers = CaseNumbers(seed: 5)
        return [
            numbers.reals([2, 3, 20, 18], .bfloat16), numbers.reals([32, 3, 3, 3], .bfloat16, in: -0.4...0.4),
            numbers.reals([32, 32, 1, 1], .bfloat16, in: -0.2...0.2),
            numbers.reals([48, 32, 3, 3], .bfloat16, in: -0.1...0.1), numbers.reals([32], .float32, in: 0.5...1.5),
            numbers.reals([32], .float32), numbers.reals([32, 32, 1, 1], .float32, in: -0.2...0.2),
        ]
    }

    @Test("Values and gradients are the reference's, up to what rounding between kernels does")
    func values() {
        let comparison = BackendComparison("network", Self.inputs()) { values throws(ShapeError) in
            try Self.network(values)
        }
        // The stem's gradient runs through twelve roundings to 8 bits and the choices of rectifier and pooling.
        #expect(comparison.failures(.scaled(0.04)) == [])
    }

    @Test(
        "The blocks are those that the engine is quickest in, from the stem to the end",
        .enabled(if: CPUBackend.shared.engine?.serves(.bfloat16) == true, "no engine multiplies bfloat16 here"))
    func layouts() throws {
        Runtime.start()
        let trace = Recording(transformation: "test")
        defer { trace.discard() }
        let steps = try Recording.with(trace) {
            let inputs = Self.inputs().map { Value.placeholder($0.type) }
            let outputs = try Self.network(inputs)
            return try Program(inputs: inputs, outputs: outputs, trace: trace, device: .cpu).descriptions
        }
        let convolutions = steps.filter { $0.name.hasPrefix("convolution") && $0.inputs[0].type.dtype == .bfloat16 }
        #expect(convolutions.count >= 6)
        let isLast = CPUBackend.shared.engine?.putsChannelsLast(.bfloat16) == true
        for step in convolutions {
            for operand in step.inputs + step.outputs {
                guard let block = operand.block else { continue }
                #expect(block == (isLast ? operand.valueShape[1] : ChannelBlocks.size), "\(step.name): \(operand)")
            }
        }
    }
}
