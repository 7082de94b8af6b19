import MartletCPU
import MartletGraph
import MartletRuntime
import MartletTensor
import MartletTesting
import Testing

/// Batch normalisation on channel blocks, with the residual and the rectifiers folded into it, against its body.
@Suite("Batch normalisation's kernels")
struct BatchNormKernelTests {
    /// Two normalised convolutions, the second with a residual from the first, rectified: every fold, forward and backward.
    /// The image has 16 channels, so that an engine's convolutions give blocks.
    private static func residualBlock(_ values: [Value], readingBetween: Bool = false) throws(ShapeError) -> [Value] {
        let own = values.map { $0.differentiableAlias() }
        var held: [TensorHandle] = []
        func seen(_ value: Value) -> Value {
            if readingBetween {
                held.append(TensorHandle(value))
                _ = try? Flush.run(value)
            }
            return value
        }
        defer { withExtendedLifetime(held) {} }
        func normalized(_ x: Value, _ scale: Value, _ shift: Value) throws(ShapeError) -> [Value] {
            try Value.record(.composite(CompositeCall(BatchNormTraining(epsilon: 1e-3))), [x, scale, shift])
        }
        if readingBetween { held += own.map { TensorHandle($0) } }
        let first = try normalized(seen(own[0].convolution(own[1], paddingLow: [1, 1])), own[2], own[3])
        if readingBetween { held += first.map { TensorHandle($0) } }
        let hidden = seen(seen(first[0]).applying(.relu))
        let second = try normalized(seen(hidden.convolution(own[4], paddingLow: [1, 1])), own[5], own[6])
        if readingBetween { held += second.map { TensorHandle($0) } }
        let sum = seen(seen(second[0]) + hidden)
        let output = seen(sum.applying(.relu))
        // Two gradients meet at the output, as where a network branches.
        let loss = (output * output.applying(.sin)).sum([0, 1, 2, 3]) + output.sum([0, 1, 2, 3])
        let gradients = Differentiation.gradients(of: [loss], cotangents: [loss.ones()], by: own)
        return [output, first[1], first[2], second[1], second[2]] + gradients.compactMap { $0 }
    }

    private static func inputs(_ dtype: DataType, _ batch: Int, _ side: Int) -> [HostArray] {
        var numbers = CaseNumbers(seed: 5)
        func channels(_ range: ClosedRange<Double>) -> HostArray { numbers.reals([32], .float32, in: range) }
        return [
            numbers.reals([batch, 16, side, side], dtype), numbers.reals([32, 16, 3, 3], dtype, in: -0.2...0.2),
            channels(0.5...2), channels(-1...1), numbers.reals([32, 32, 3, 3], dtype, in: -0.2...0.2),
            channels(0.5...2), channels(-1...1),
        ]
    }

    @Test("A residual block's values, statistics and gradients are those of its bodies in float64", arguments: [1, 3])
    func values(batch: Int) throws {
        for side in [2, 7, 13] {
            let inputs = Self.inputs(.float32, batch, side)
            let exact = try ReferenceEvaluation.run(
                on: inputs.map { HostArray(TensorType($0.type.shape, .float64), real: $0.reals) }
            ) {
                (try? Self.residualBlock($0)) ?? []
            }
            let found = try Self.onProcessor(inputs, readingBetween: false)
            for (index, (actual, wanted)) in zip(found, exact).enumerated() {
                let largest = max(1, wanted.reals.map(\.magnitude).max() ?? 0)
                // A rectifier's input that lies within rounding of 0 may fall on either side: one element of a gradient.
                let apart = zip(actual.reals, wanted.reals).map { ($0 - $1).magnitude / largest }.sorted()
                #expect((apart.last ?? 0) < 2e-3, "batch \(batch), side \(side), result \(index): \(apart.last ?? 0)")
                #expect(apart[apart.count * 9 / 10] < 2e-5, "batch \(batch), side \(side), result \(index)")
            }
        }
    }

    @Test("What is folded has the bits of what is not", arguments: [DataType.float32, .bfloat16])
    func bits(dtype: DataType) throws {
        for batch in [1, 2] {
            let inputs = Self.inputs(dtype, batch, 9)
            let whole = try Self.onProcessor(inputs, readingBetween: false)
            let cut = try Self.onProcessor(inputs, readingBetween: true)
            for (index, (one, other)) in zip(whole, cut).enumerated() {
                #expect(one.difference(from: other) == nil, "\(dtype), batch \(batch), result \(index)")
            }
        }
    }

    @Test("A rectifier lets NaN through and its derivative does not, folded or not")
    func nonFinite() throws {
        var inputs = Self.inputs(.float32, 2, 5)
        inputs[0] = HostArray(
            inputs[0].type, real: inputs[0].reals.enumerated().map { $0.offset == 3 ? .nan : $0.element })
        let whole = try Self.onProcessor(inputs, readingBetween: false)
        let cut = try Self.onProcessor(inputs, readingBetween: true)
        #expect(whole[0].reals.contains { $0.isNaN })
        for (one, other) in zip(whole, cut) { #expect(one.difference(from: other) == nil) }
    }

    @Test(
        "Additions and rectifiers around batch normalisation are folded into its kernels",
        .enabled(if: CPUBackend.shared.engine != nil, "without the engine nothing lies in channel blocks"))
    func plan() throws {
        Runtime.start()
        let names = try Recording.with(Recording()) { () throws -> [String] in
            let values = Self.inputs(.float32, 2, 5).map { HostMemory.leaf($0, layout: 0) }
            let trace = Recording(transformation: "test")
            defer { trace.discard() }
            let inputs = Recording.with(trace) { values.map { Value.placeholder($0.type) } }
            let outputs = try Recording.with(trace) { try Self.residualBlock(inputs) }
            return try Program(inputs: inputs, outputs: outputs, trace: trace, device: .cpu).descriptions.map(\.name)
        }
        #expect(names.count { $0 == "batchNormTraining+relu" } == 1)
        #expect(names.count { $0 == "batchNormTraining+add+relu" } == 1)
        #expect(names.count { $0.hasPrefix("batchNormGradient") && $0.hasSuffix("+relu") } == 2, "\(names)")
        #expect(!names.contains { $0 == "batchNormTraining" || $0 == "batchNormGradient" })
    }

    private static func onProcessor(_ inputs: [HostArray], readingBetween: Bool) throws -> [HostArray] {
        Runtime.start()
        return try Recording.with(Recording()) {
            let values = inputs.map { HostMemory.leaf($0, layout: 0) }
            let handles = try residualBlock(values, readingBetween: readingBetween).map { TensorHandle($0) }
            return try handles.map { handle in
                try Flush.run(handle.value)
                guard let realized = handle.value.node.realized(handle.value.index) else {
                    throw FlushError.lost("test")
                }
                return HostArray(reading: realized, handle.value.type)
            }
        }
    }
}
