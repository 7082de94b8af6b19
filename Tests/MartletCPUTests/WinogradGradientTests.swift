import MartletCPU
import MartletGraph
import MartletRuntime
import MartletTensor
import MartletTesting
import Synchronization
import Testing

@Suite("Winograd's gradients")
struct WinogradGradientTests {
    /// A convolution of 3 by 3, and the gradient of its output.
    struct Case: CustomStringConvertible {
        var batch = 2
        var channels = 32
        var outChannels = 48
        var sizes = [11, 14]
        var padding = [1, 1]

        var description: String { "[\(batch), \(channels), \(sizes)] to \(outChannels), padding \(padding)" }

        /// Input, weight, the output's gradient.
        var arrays: [HostArray] {
            var numbers = CaseNumbers(seed: 22)
            let outputs = zip(sizes, padding).map { $0 + 2 * $1 - 2 }
            return [
                numbers.reals(Shape([batch, channels] + sizes), .float32),
                numbers.reals([outChannels, channels, 3, 3], .float32),
                numbers.reals(Shape([batch, outChannels] + outputs), .float32),
            ]
        }

        /// The gradients of input and weight.
        func gradients(_ arrays: [HostArray], by winograd: Winograd) throws -> (input: [Double], weight: [Double]) {
            Runtime.start()
            let padding = Padding.zeros(padding)
            return try Winograd.$scoped.withValue(winograd) {
                let leaves = arrays.map { Tensor(HostMemory.leaf($0, layout: 0)) }
                let found = gradient(of: { (conv2d($0, $1, padding: padding) * leaves[2]).sum() })(leaves[0], leaves[1])
                return (try HostMemory.array(found.0.value).reals, try HostMemory.array(found.1.value).reals)
            }
        }
    }

    private static func wide(_ arrays: [HostArray], _ change: (Double) -> Double = { $0 }) -> [HostArray] {
        arrays.map { HostArray(TensorType($0.shape, .float64), real: $0.reals.map(change)) }
    }

    @Test(
        "Gradients of input and weights are those of the definition in float64, within the bounds", arguments: [2, 4])
    func bounds(tile: Int) throws {
        let cases = [
            Case(), Case(batch: 1, sizes: [5, 5], padding: [0, 2]), Case(batch: 3, channels: 16, sizes: [16, 9]),
            Case(channels: 80, outChannels: 16, padding: [2, 0]),
            Case(batch: 9, channels: 16, outChannels: 16, sizes: [40, 40]),
        ]
        for one in cases {
            let arrays = one.arrays
            let truth = try one.gradients(Self.wide(arrays), by: .off)
            let size = try one.gradients(Self.wide(arrays) { abs($0) }, by: .off)
            let found = try one.gradients(arrays, by: .always(tile: tile))
            // The largest sum of sizes stands for that of the tile.
            let input = zip(found.input, truth.input).map { abs($0 - $1) }.max() ?? .infinity
            #expect(input <= Winograd.errorBound(tile: tile) * (size.input.max() ?? 0), "\(one)")
            let weight = zip(found.weight, truth.weight).map { abs($0 - $1) }.max() ?? .infinity
            #expect(weight <= 2 * Winograd.errorBound(tile: tile) * (size.weight.max() ?? 0), "\(one)")
            #expect(found.input.count == truth.input.count && found.weight.count == truth.weight.count)
        }
    }

    @Test("The same gradients come out bit for bit each time", arguments: [2, 4])
    func determinism(tile: Int) throws {
        let one = Case(batch: 9, channels: 16, outChannels: 32, sizes: [40, 24])
        let first = try one.gradients(one.arrays, by: .always(tile: tile))
        for _ in 0..<3 {
            let again = try one.gradients(one.arrays, by: .always(tile: tile))
            #expect(again == first)
        }
    }

    @Test(
        "A training step computes its convolution and both gradients by Winograd's method where that wins",
        .enabled(if: CPUBackend.shared.engine != nil, "channel blocks are the engine's"))
    func plans() throws {
        // A shape of its own: a plan that is known is not made again.
        let one = Case(batch: 4, channels: 48, outChannels: 48, sizes: [26, 30])
        let seen = Mutex<[String]>([])
        let watcher: @Sendable (Plan) -> Void = { plan in
            let names = plan.descriptions.filter { $0.method != nil }.map(\.name)
            seen.withLock { $0 += names }
        }
        _ = try Planner.$watcher.withValue(watcher) { try one.gradients(one.arrays, by: .automatic) }
        let methods = seen.withLock { $0.sorted() }
        #expect(methods == ["convolutionInputGradient", "convolutionWeightGradient"])
        seen.withLock { $0 = [] }
        _ = try Planner.$watcher.withValue(watcher) { try one.gradients(one.arrays, by: .inference) }
        #expect(seen.withLock { $0 }.isEmpty)
    }
}
