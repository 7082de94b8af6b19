import MartletCPU
import MartletGraph
import MartletRuntime
import MartletTensor
import MartletTesting
import Testing

/// Branches that are joined along the channels, in channel blocks from end to end.
@Suite("Concatenation in channel blocks")
struct BlockedConcatenationTests {
    /// Three branches of one image, joined, pooled and convolved: an inception block, with its gradients.
    private static func inception(_ values: [Value]) throws(ShapeError) -> [Value] {
        let own = values.map { $0.differentiableAlias() }
        let first = try own[0].convolution(own[1])
        let second = try own[0].convolution(own[2], paddingLow: [1, 1]).applying(.tanh)
        let joined = Value.make(.concatenate(Concatenate(1)), [first, second, own[0]])
        let output = try joined.convolution(own[3])
        let loss = (output * output).sum([0, 1, 2, 3])
        let gradients = Differentiation.gradients(of: [loss], cotangents: [loss.ones()], by: own)
        return [joined, output] + gradients.compactMap { $0 }
    }

    private static func inputs(_ channels: [Int]) -> [HostArray] {
        var numbers = CaseNumbers(seed: 21)
        let joined = channels[0] + channels[1] + 16
        return [
            numbers.reals([2, 16, 6, 5], .float32), numbers.reals([channels[0], 16, 1, 1], .float32, in: -0.3...0.3),
            numbers.reals([channels[1], 16, 3, 3], .float32, in: -0.3...0.3),
            numbers.reals([16, joined, 1, 1], .float32, in: -0.3...0.3),
        ]
    }

    @Test(
        "Joined values and gradients are the reference's, for whole blocks and for others",
        arguments: [[16, 32], [8, 32]])
    func values(channels: [Int]) {
        let comparison = BackendComparison("inception", Self.inputs(channels)) { values throws(ShapeError) in
            try Self.inception(values)
        }
        #expect(comparison.failures(.scaled(1e-5)) == [])
    }

    @Test(
        "Whole blocks are joined and parted where they lie: a reorder for the image and none after it",
        .enabled(if: CPUBackend.shared.engine != nil, "without the engine nothing lies in channel blocks"))
    func plan() throws {
        Runtime.start()
        let trace = Recording(transformation: "test")
        defer { trace.discard() }
        let steps = try Recording.with(trace) {
            let inputs = Self.inputs([16, 32]).map { Value.placeholder($0.type) }
            let outputs = try Self.inception(inputs)
            return try Program(inputs: inputs, outputs: outputs, trace: trace, device: .cpu).descriptions
        }
        let toPlain = steps.filter { step in
            guard case .fused(let kernel) = step.work, kernel.outputs.allSatisfy({ $0.reduction == nil }) else {
                return false
            }
            return step.inputs.contains { $0.block != nil } && !step.outputs.contains { $0.block != nil }
        }
        #expect(toPlain.isEmpty, "\(toPlain.map(\.name))")
        #expect(steps.contains { $0.name == "concatenate" && $0.outputs[0].block != nil })
    }
}
