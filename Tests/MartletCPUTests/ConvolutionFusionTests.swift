import MartletCPU
import MartletGraph
import MartletRuntime
import MartletTensor
import MartletTesting
import Testing

/// What follows a convolution in inference, folded into it.
@Suite("Convolutions with what follows them")
struct ConvolutionFusionTests {
    /// Two convolutions with fixed normalisation, the second with a residual and rectified: a residual block in inference.
    private static func block(_ values: [Value], readingBetween: Bool = false) throws(ShapeError) -> [Value] {
        var held: [TensorHandle] = []
        func seen(_ value: Value) -> Value {
            if readingBetween {
                held.append(TensorHandle(value))
                _ = try? Flush.run(value)
            }
            return value
        }
        defer { withExtendedLifetime(held) {} }
        func scaled(_ y: Value, _ factor: Value, _ shift: Value) -> Value {
            seen(seen(y * factor.asChannels(rank: 4)) + shift.asChannels(rank: 4))
        }
        let first = scaled(seen(try values[0].convolution(values[1], paddingLow: [1, 1])), values[2], values[3])
        let hidden = seen(first.applying(.relu))
        let second = seen(try hidden.convolution(values[4], bias: values[7], paddingLow: [1, 1]))
        let third = seen(seen(scaled(second, values[5], values[6]) + hidden).applying(.relu))
        let fourth = seen(try third.convolution(values[4], bias: values[7], strides: [2, 2]))
        return [fourth.applying(.relu)]
    }

    private static func inputs(_ dtype: DataType, channels: Int = 16) -> [HostArray] {
        var numbers = CaseNumbers(seed: 8)
        func channel(_ range: ClosedRange<Double>) -> HostArray { numbers.reals([32], .float32, in: range) }
        return [
            numbers.reals([2, channels, 9, 9], dtype), numbers.reals([32, channels, 3, 3], dtype, in: -0.2...0.2),
            channel(0.5...2), channel(-1...1), numbers.reals([32, 32, 3, 3], dtype, in: -0.2...0.2),
            channel(0.5...2), channel(-1...1), numbers.reals([32], dtype),
        ]
    }

    private static func onProcessor(
        _ inputs: [HostArray], readingBetween: Bool = false, recordsHistory: Bool = false
    ) throws -> [HostArray] {
        Runtime.start()
        return try Recording.with(Recording()) {
            let values = inputs.map { HostMemory.leaf($0, layout: 0) }
            let handles = try Modes.with({ $0.recordsHistory = recordsHistory }) {
                try block(values, readingBetween: readingBetween).map { TensorHandle($0) }
            }
            return try handles.map { handle in
                try Flush.run(handle.value)
                guard let realized = handle.value.node.realized(handle.value.index) else {
                    throw FlushError.lost("test")
                }
                return HostArray(reading: realized, handle.value.type)
            }
        }
    }

    private static func planNames(recordsHistory: Bool) throws -> [String] {
        Runtime.start()
        return try Recording.with(Recording()) { () throws -> [String] in
            let values = inputs(.float32).map { HostMemory.leaf($0, layout: 0) }
            let trace = Recording(transformation: "test")
            defer { trace.discard() }
            return try Recording.with(trace) {
                try Modes.with({ $0.recordsHistory = recordsHistory }) {
                    let inputs = values.map { Value.placeholder($0.type) }
                    let outputs = try block(inputs)
                    return try Program(inputs: inputs, outputs: outputs, trace: trace, device: .cpu).descriptions
                        .map(\.name)
                }
            }
        }
    }

    @Test(
        "What is folded in inference has the bits of what is not, for whole blocks and for a stem", arguments: [16, 3])
    func bits(channels: Int) throws {
        let inputs = Self.inputs(.float32, channels: channels)
        let folded = try Self.onProcessor(inputs)
        for other in [
            try Self.onProcessor(inputs, readingBetween: true), try Self.onProcessor(inputs, recordsHistory: true),
        ] {
            for (one, two) in zip(folded, other) { #expect(one.difference(from: two) == nil) }
        }
    }

    @Test("A convolution that nobody reads is no stumbling block for the one that is folded before it")
    func unread() throws {
        Runtime.start()
        let inputs = Self.inputs(.float32)
        let kept = try Recording.with(Recording()) {
            try Modes.with({ $0.recordsHistory = false }) { () throws -> HostArray in
                let values = inputs.map { HostMemory.leaf($0, layout: 0) }
                let first = try values[0].convolution(values[1]).applying(.relu)
                let second = try values[0].convolution(values[1], strides: [1, 1]).applying(.tanh)
                let empty = second.sliced(axis: 0, start: 0, count: 0)
                let joined = Value.make(.concatenate(Concatenate(0)), [first, empty])
                return try Self.read(joined)
            }
        }
        #expect(kept.type.shape == [2, 32, 7, 7])
    }

    @Test("What a derivative records is not folded: its bits do not depend on where it is cut")
    func derivative() throws {
        Runtime.start()
        func gradient(readingBetween: Bool) throws -> HostArray {
            try Recording.with(Recording()) {
                let values = Self.inputs(.bfloat16).map { HostMemory.leaf($0, layout: 0).differentiableAlias() }
                // The input's gradient of a transposed convolution is a convolution; here it meets another gradient.
                let x = values[0]
                let weight = HostMemory.leaf(Self.transposedWeight, layout: 0)
                let up = try x.transposedConvolution(weight)
                let loss = up.sum([0, 1, 2, 3]) + (x * x).sum([0, 1, 2, 3])
                let gradients = Differentiation.gradients(of: [loss], cotangents: [loss.ones()], by: [x])
                guard let found = gradients[0] else { throw FlushError.lost("test") }
                var held = [TensorHandle(found)]
                if readingBetween {
                    held += found.node.operands.map { TensorHandle($0) }
                    for one in held { try Flush.run(one.value) }
                }
                defer { withExtendedLifetime(held) {} }
                return try Self.read(found)
            }
        }
        #expect(try gradient(readingBetween: true).difference(from: gradient(readingBetween: false)) == nil)
    }

    private static func read(_ value: Value) throws -> HostArray {
        let held = TensorHandle(value)
        try Flush.run(held.value)
        return try HostMemory.array(held.value)
    }

    private static var transposedWeight: HostArray {
        var numbers = CaseNumbers(seed: 9)
        return numbers.reals([16, 16, 3, 3], .bfloat16)
    }

    @Test("A rectifier that is folded turns NaN into 0, as decision 6 says; one that is not lets it through")
    func nonFinite() throws {
        var inputs = Self.inputs(.float32)
        inputs[0] = HostArray(
            inputs[0].type, real: inputs[0].reals.enumerated().map { $0.offset == 3 ? .nan : $0.element })
        let folded = try Self.onProcessor(inputs)[0].reals.contains { $0.isNaN }
        #expect(folded == (CPUBackend.shared.engine == nil))
        #expect(try Self.onProcessor(inputs, recordsHistory: true)[0].reals.contains { $0.isNaN })
    }

    @Test("bfloat16 is rounded once where it is folded, or its weights twice: at most two units from what is not")
    func halves() throws {
        let inputs = Self.inputs(.bfloat16)
        let folded = try Self.onProcessor(inputs)[0].reals
        let apart = try Self.onProcessor(inputs, recordsHistory: true)[0].reals
        let largest = apart.map(\.magnitude).max() ?? 1
        for (one, two) in zip(folded, apart) { #expect((one - two).magnitude <= largest / 64) }
    }

    @Test("A residual that is read again afterwards stays what it was, in bfloat16 as in float32", arguments: [0, 1])
    func residualReadAgain(narrow: Int) throws {
        Runtime.start()
        let inputs = Self.inputs(narrow == 1 ? .bfloat16 : .float32)
        func results(recordsHistory: Bool) throws -> [[Double]] {
            try Recording.with(Recording()) {
                try Modes.with({ $0.recordsHistory = recordsHistory }) {
                    let values = inputs.map { HostMemory.leaf($0, layout: 0) }
                    let hidden = try values[0].convolution(values[1], paddingLow: [1, 1]).applying(.relu)
                    let sum = try hidden.convolution(values[4], paddingLow: [1, 1]) + hidden
                    let joined = Value.make(.concatenate(Concatenate(1)), [sum.applying(.relu), hidden])
                    let handles = [TensorHandle(joined.sum([2, 3])), TensorHandle(hidden)]
                    return try handles.map { try HostMemory.array($0.value).reals }
                }
            }
        }
        let (folded, apart) = try (results(recordsHistory: false), results(recordsHistory: true))
        #expect(folded[1] == apart[1])
        for (one, two) in zip(folded[0], apart[0]) { #expect((one - two).magnitude <= 0.02 * two.magnitude + 0.5) }
    }

    @Test(
        "A residual block in inference is its convolutions and nothing else",
        .enabled(if: CPUBackend.shared.engine != nil, "without the engine nothing is folded"))
    func plan() throws {
        let names = try Self.planNames(recordsHistory: false)
        #expect(
            names.filter { $0.hasPrefix("convolution") } == [
                "convolution+scale+relu", "convolution+scale+add+relu", "convolution+relu",
            ])
        #expect(!names.contains { $0.contains("relu") && $0.hasPrefix("fused") }, "\(names)")
        let training = try Self.planNames(recordsHistory: true)
        #expect(training.filter { $0.hasPrefix("convolution") } == ["convolution", "convolution", "convolution"])
    }
}
