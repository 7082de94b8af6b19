import MartletCPU
import MartletGraph
import MartletRuntime
import MartletTensor
import MartletTesting
import Synchronization
import Testing

/// Convolutions in bfloat16 on matrix tiles. `Tests/Kernels/tiles_check.c` holds the kernels themselves to the definition.
@Suite(
    "Convolutions on matrix tiles",
    .enabled(
        if: Tiles.areUsed && CPUBackend.shared.engine?.putsChannelsLast(.bfloat16) == true,
        "this processor has no tiles for bfloat16, or no engine puts channels side by side"))
struct TilesTests {
    /// A convolution, and the gradient of its output.
    struct Case: CustomStringConvertible {
        var batch = 2
        var channels = 32
        var outChannels = 48
        var sizes = [11, 14]
        var kernel = [3, 3]
        var stride = 1
        var padding = 1

        var description: String {
            "[\(batch), \(channels), \(sizes)] to \(outChannels), kernel \(kernel), stride \(stride), padding \(padding)"
        }

        /// Input, weight, the output's gradient.
        var arrays: [HostArray] {
            var numbers = CaseNumbers(seed: 31)
            let outputs = zip(sizes, kernel).map { ($0 + 2 * padding - $1) / stride + 1 }
            return [
                numbers.reals(Shape([batch, channels] + sizes), .bfloat16),
                numbers.reals(Shape([outChannels, channels] + kernel), .bfloat16),
                numbers.reals(Shape([batch, outChannels] + outputs), .bfloat16),
            ]
        }

        /// The output, and the gradients of input and weight.
        func results(_ arrays: [HostArray], on tiles: Tiles) throws -> [[Double]] {
            Runtime.start()
            return try Tiles.$scoped.withValue(tiles) {
                let leaves = arrays.map { Tensor(HostMemory.leaf($0, layout: 0)) }
                func output(_ x: Tensor, _ w: Tensor) -> Tensor {
                    conv2d(x, w, stride: stride, padding: .zeros([padding, padding]))
                }
                let made = output(leaves[0], leaves[1])
                let found = gradient(of: { (output($0, $1) * leaves[2]).sum() })(leaves[0], leaves[1])
                return try [made, found.0, found.1].map { try HostMemory.array($0.value).reals }
            }
        }
    }

    static let cases = [
        Case(), Case(batch: 3, channels: 64, outChannels: 64, sizes: [14, 14]),
        Case(channels: 16, outChannels: 80, sizes: [9, 9], stride: 2),
        Case(batch: 5, channels: 96, outChannels: 32, sizes: [7, 7], kernel: [1, 1], padding: 0),
        Case(channels: 32, outChannels: 64, sizes: [12, 12], kernel: [1, 1], stride: 2, padding: 0),
        Case(channels: 48, outChannels: 16, sizes: [10, 17], kernel: [5, 3], padding: 2),
    ]

    @Test("A convolution and its gradients are those of the definition in float64, rounded once", arguments: cases)
    func definition(one: Case) throws {
        let arrays = one.arrays
        let wide = { (change: (Double) -> Double) in
            arrays.map { HostArray(TensorType($0.shape, .float64), real: $0.reals.map(change)) }
        }
        let truth = try one.results(wide { $0 }, on: .off)
        let sizes = try one.results(wide(abs), on: .off)
        let found = try one.results(arrays, on: .automatic)
        for (index, name) in ["output", "input's gradient", "weights' gradient"].enumerated() {
            #expect(found[index].count == truth[index].count)
            let isRight = zip(found[index], zip(truth[index], sizes[index])).allSatisfy { got, wanted in
                abs(got - wanted.0) <= abs(wanted.0) * 0x1p-8 + 1e-6 * wanted.1
            }
            #expect(isRight, "\(name) of \(one)")
        }
    }

    @Test(
        "A bias and a rectifier are folded in before the result is rounded, as on the engine", arguments: [false, true])
    func bias(rectifies: Bool) throws {
        let arrays = Case(batch: 3, channels: 64, outChannels: 48, sizes: [10, 12]).arrays
        var numbers = CaseNumbers(seed: 32)
        let bias = numbers.reals([48], .bfloat16)
        func output(on tiles: Tiles) throws -> [Double] {
            Runtime.start()
            return try Tiles.$scoped.withValue(tiles) {
                let leaves = [arrays[0], arrays[1], bias].map { Tensor(HostMemory.leaf($0, layout: 0)) }
                let made = withoutGradient { () -> Tensor in
                    let y = conv2d(leaves[0], leaves[1], bias: leaves[2], padding: 1)
                    return rectifies ? relu(y) : y
                }
                return try HostMemory.array(made.value).reals
            }
        }
        let found = try output(on: .automatic)
        let expected = try output(on: .off)
        #expect(found.count == expected.count && found.contains { $0 != 0 })
        // Another order of sums rounds a few numbers to their neighbours.
        #expect(zip(found, expected).allSatisfy { abs($0 - $1) <= abs($1) * 0x1p-7 + 1e-4 })
    }

    @Test("The same numbers come out bit for bit each time")
    func determinism() throws {
        let one = Case(batch: 9, channels: 64, outChannels: 64, sizes: [28, 20])
        let first = try one.results(one.arrays, on: .automatic)
        for _ in 0..<3 {
            let again = try one.results(one.arrays, on: .automatic)
            #expect(again == first)
        }
    }

    @Test("A training step in bfloat16 says which kernels run on tiles, and none where they are off")
    func plans() throws {
        // A shape of its own: a plan that is known is not made again.
        let one = Case(batch: 4, channels: 48, outChannels: 48, sizes: [13, 15])
        let seen = Mutex<[String]>([])
        let watcher: @Sendable (Plan) -> Void = { plan in
            let names = plan.descriptions.filter { $0.method == "matrix tiles" }.map(\.name)
            seen.withLock { $0 += names }
        }
        _ = try Planner.$watcher.withValue(watcher) { try one.results(one.arrays, on: .automatic) }
        let methods = Set(seen.withLock { $0 })
        #expect(methods == ["convolution", "convolutionInputGradient", "convolutionWeightGradient"])
        seen.withLock { $0 = [] }
        _ = try Planner.$watcher.withValue(watcher) { try one.results(one.arrays, on: .off) }
        #expect(seen.withLock { $0 }.isEmpty)
    }
}
