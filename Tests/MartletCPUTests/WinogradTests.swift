import Foundation
import MartletCPU
import MartletGraph
import MartletRuntime
import MartletTensor
import MartletTesting
import Testing

@Suite("Winograd's convolution")
struct WinogradTests {
    /// A convolution of 3 by 3 and what follows it.
    struct Case: CustomStringConvertible {
        var batch = 2
        var channels = 32
        var outChannels = 48
        var sizes = [11, 14]
        var padding = [1, 1]
        var hasBias = false
        var isScaled = false
        var addsResidual = false
        var rectifies = false
        /// Rectified numbers and the weights of He's initialiser, as a network has them; else uniform ones.
        var isLikeANetwork = false

        var description: String {
            "[\(batch), \(channels), \(sizes)] to \(outChannels), padding \(padding), bias \(hasBias), scale \(isScaled), "
                + "residual \(addsResidual), relu \(rectifies)"
        }

        /// Input, weight, bias, factor, shift, residual.
        func inputs(seed: UInt64 = 21) -> [HostArray] {
            var numbers = CaseNumbers(seed: seed)
            let result = Shape([batch, outChannels] + zip(sizes, padding).map { $0 + 2 * $1 - 2 })
            let reach = isLikeANetwork ? (6 / (9 * Double(channels))).squareRoot() : 1
            var input = numbers.reals(Shape([batch, channels] + sizes), .float32)
            if isLikeANetwork { input = HostArray(input.type, real: input.reals.map { max(0, $0) }) }
            return [
                input, numbers.reals([outChannels, channels, 3, 3], .float32, in: -reach...reach),
                numbers.reals([outChannels], .float32), numbers.reals([outChannels], .float32, in: 0.5...2),
                numbers.reals([outChannels], .float32), numbers.reals(result, .float32),
            ]
        }

        func recorded(_ values: [Value]) throws(ShapeError) -> Value {
            var y = try values[0].convolution(values[1], bias: hasBias ? values[2] : nil, paddingLow: padding)
            if isScaled { y = y * values[3].asChannels(rank: 4) + values[4].asChannels(rank: 4) }
            if addsResidual {
                // What lies in blocks is added as a residual: here what a convolution of one by one gives.
                let own = try values[5].convolution(values[6])
                y = y + own
            }
            return rectifies ? y.applying(.relu) : y
        }

        /// What is run: the inputs, and an identity that brings the residual into blocks.
        var operands: [HostArray] {
            let identity = (0..<(outChannels * outChannels)).map { $0 % (outChannels + 1) == 0 ? 1.0 : 0 }
            return inputs() + [HostArray(TensorType([outChannels, outChannels, 1, 1], .float32), real: identity)]
        }

        func result(_ inputs: [HostArray], by winograd: Winograd) throws -> HostArray {
            Runtime.start()
            return try Winograd.$scoped.withValue(winograd) {
                try Recording.with(Recording()) {
                    try Modes.with({ $0.recordsHistory = false }) {
                        let held = TensorHandle(try recorded(inputs.map { HostMemory.leaf($0, layout: 0) }))
                        return try HostMemory.array(held.value)
                    }
                }
            }
        }
    }

    private static func wide(_ arrays: [HostArray], _ change: (Double) -> Double = { $0 }) -> [HostArray] {
        arrays.map { HostArray(TensorType($0.shape, .float64), real: $0.reals.map(change)) }
    }

    /// Each output's largest neighbour in its tile.
    private static func overTiles(_ sizes: HostArray, _ tile: Int) -> [Double] {
        let (height, width) = (sizes.shape[2], sizes.shape[3])
        var result = sizes.reals
        for plane in 0..<(sizes.shape[0] * sizes.shape[1]) {
            for top in stride(from: 0, to: height, by: tile) {
                for left in stride(from: 0, to: width, by: tile) {
                    let places = (top..<min(top + tile, height)).flatMap { y in
                        (left..<min(left + tile, width)).map { (plane * height + y) * width + $0 }
                    }
                    let largest = places.map { sizes.reals[$0] }.max() ?? 0
                    for place in places { result[place] = largest }
                }
            }
        }
        return result
    }

    private static func norm(_ numbers: some Sequence<Double>) -> Double {
        numbers.reduce(0) { $0 + $1 * $1 }.squareRoot()
    }

    @Test(
        "Errors against float64 are within the bound that is stated, and not far below it where there are few channels",
        arguments: [2, 4], [false, true])
    func bound(tile: Int, isLikeANetwork: Bool) throws {
        var largest = 0.0
        for channels in [16, 64, 256, 512] {
            let one = Case(
                channels: channels, outChannels: 32, sizes: [13, 16], isLikeANetwork: isLikeANetwork)
            let inputs = one.operands
            let truth = try one.result(Self.wide(inputs), by: .off)
            let sizes = Self.overTiles(try one.result(Self.wide(inputs) { abs($0) }, by: .off), tile)
            let found = try one.result(inputs, by: .always(tile: tile))
            let errors = zip(found.reals, truth.reals).map { abs($0 - $1) }
            for (error, size) in zip(errors, sizes) { largest = max(largest, error / size) }
            #expect(Self.norm(errors) <= 2.5e-6 * Self.norm(truth.reals), "\(channels) channels")
        }
        #expect(largest <= Winograd.errorBound(tile: tile))
        if CPUBackend.shared.engine != nil { #expect(largest >= Winograd.errorBound(tile: tile) / 10) }
    }

    @Test("Whatever follows the sum follows it, on ragged borders of every kind", arguments: [2, 4])
    func following(tile: Int) throws {
        for mask in 0..<16 {
            var one = Case(
                sizes: [5 + mask, 21 - mask], padding: [mask % 3, (mask / 3) % 3], hasBias: mask & 1 != 0,
                isScaled: mask & 2 != 0)
            (one.addsResidual, one.rectifies) = (mask & 4 != 0, mask & 8 != 0)
            let inputs = one.operands
            let found = try one.result(inputs, by: .always(tile: tile)).reals
            let truth = try one.result(Self.wide(inputs), by: .off).reals
            // 288 products of numbers up to 1 have a sum of sizes of about 72, and the factor is at most 2.
            let error = zip(found, truth).map { abs($0 - $1) }.max() ?? .infinity
            #expect(error <= 2 * 90 * Winograd.errorBound(tile: tile), "\(one)")
            #expect(found.count == truth.count)
        }
    }

    @Test("An image has the same bits alone as among sixteen", arguments: [2, 4])
    func batch(tile: Int) throws {
        var many = Case(batch: 16, sizes: [9, 9], hasBias: true, isScaled: true)
        let inputs = many.operands
        let all = try many.result(inputs, by: .always(tile: tile)).reals
        many.batch = 1
        let (length, count) = (32 * 81, all.count / 16)
        for image in [0, 7, 15] {
            var own = inputs
            own[0] = HostArray(
                TensorType([1, 32, 9, 9], .float32),
                real: Array(inputs[0].reals[(image * length)..<((image + 1) * length)]))
            let alone = try many.result(own, by: .always(tile: tile)).reals
            #expect(alone == Array(all[(image * count)..<((image + 1) * count)]))
        }
    }

    @Test("NaN and infinity reach no other image, and where they do reach the rectifier does not hide them")
    func nonFinite() throws {
        for bad in [Double.nan, .infinity] {
            let one = Case(batch: 3, sizes: [10, 10], rectifies: true)
            var inputs = one.operands
            let clean = try one.result(inputs, by: .always(tile: 4)).reals
            let length = 32 * 100
            inputs[0] = HostArray(
                inputs[0].type,
                real: inputs[0].reals.enumerated().map { $0.offset == length + 555 ? bad : $0.element })
            let found = try one.result(inputs, by: .always(tile: 4)).reals
            let count = found.count / 3
            #expect(Array(found[..<count]) == Array(clean[..<count]))
            #expect(Array(found[(2 * count)...]) == Array(clean[(2 * count)...]))
            if CPUBackend.shared.engine != nil {
                #expect(found[count..<(2 * count)].contains { !$0.isFinite })
            }
        }
    }

    @Test("Weights are packed for each method apart, and anew where they are computed")
    func packing() throws {
        Runtime.start()
        let one = Case(sizes: [12, 12], hasBias: true)
        let inputs = one.operands
        let truth = try one.result(Self.wide(inputs), by: .off).reals
        let leaves = inputs.map { HostMemory.leaf($0, layout: 0) }
        func results(_ winograd: Winograd, negating: Bool = false) throws -> [Double] {
            try Winograd.$scoped.withValue(winograd) {
                try Recording.with(Recording()) {
                    try Modes.with({ $0.recordsHistory = false }) {
                        var values = leaves
                        if negating { values[1] = values[1].applying(.negate) }
                        let held = TensorHandle(try one.recorded(values))
                        return try HostMemory.array(held.value).reals
                    }
                }
            }
        }
        var seen: [[Double]] = []
        for winograd in [Winograd.always(tile: 4), .always(tile: 2), .off, .always(tile: 4), .always(tile: 2)] {
            let found = try results(winograd)
            #expect(zip(found, truth).allSatisfy { abs($0 - $1) <= 1e-4 })
            seen.append(found)
        }
        #expect(seen[0] == seen[3] && seen[1] == seen[4])
        if CPUBackend.shared.engine != nil { #expect(Set(seen).count == 3) }
        let bias = inputs[2].reals
        let negated = try results(.always(tile: 4), negating: true)
        for (index, (found, value)) in zip(negated, truth).enumerated() {
            let channel = index / 144 % 48
            #expect(abs(found + value - 2 * bias[channel]) <= 1e-4)
        }
    }

    /// How a plan computes a convolution of 64 channels at 28 by 28.
    private static func methods(by winograd: Winograd, recordsHistory: Bool) throws -> [String?] {
        Runtime.start()
        return try Winograd.$scoped.withValue(winograd) {
            try Recording.with(Recording()) { () throws -> [String?] in
                let trace = Recording(transformation: "test")
                defer { trace.discard() }
                return try Recording.with(trace) {
                    try Modes.with({ $0.recordsHistory = recordsHistory }) {
                        let input = Value.placeholder(TensorType([2, 64, 28, 28], .float32))
                        let weight = Value.placeholder(TensorType([64, 64, 3, 3], .float32))
                        let output = try input.convolution(weight, paddingLow: [1, 1]).applying(.relu)
                        return try Program(inputs: [input, weight], outputs: [output], trace: trace, device: .cpu)
                            .descriptions.filter { $0.name.hasPrefix("convolution") }.map(\.method)
                    }
                }
            }
        }
    }

    @Test(
        "A plan says how it computes; training computes by the definition where it is asked to",
        .enabled(if: CPUBackend.shared.engine != nil, "channel blocks are the engine's"))
    func plans() throws {
        #expect(try Self.methods(by: .automatic, recordsHistory: false) == ["Winograd's F(4×4, 3×3)"])
        #expect(try Self.methods(by: .always(tile: 2), recordsHistory: false) == ["Winograd's F(2×2, 3×3)"])
        #expect(try Self.methods(by: .off, recordsHistory: false) == [nil])
        #expect(try Self.methods(by: .automatic, recordsHistory: true) == ["Winograd's F(4×4, 3×3)"])
        #expect(try Self.methods(by: .inference, recordsHistory: true) == [nil])
        #expect(try Self.methods(by: .inference, recordsHistory: false) == ["Winograd's F(4×4, 3×3)"])
    }

    @Test(
        "MARTLET_WINOGRAD turns it off and on, and the plan log tells",
        .enabled(if: CPUBackend.shared.engine != nil, "channel blocks are the engine's"))
    func environment() async throws {
        let result = try await #require(processExitsWith: .success, observing: [\.standardErrorContent]) {
            setenv("MARTLET_LOG", "plan", 1)
            setenv("MARTLET_WINOGRAD", "2", 1)
            let (x, weight) = (Tensor.ones([1, 16, 6, 6]), Tensor.ones([16, 16, 3, 3]))
            withoutGradient { _ = conv2d(x, weight).sum().item() }
            exit(0)
        }
        let text = String(decoding: result.standardErrorContent, as: UTF8.self)
        #expect(text.contains("convolution by Winograd's F(2×2, 3×3) [1, 16, 6, 6] float32"), "\(text)")
        #expect(Winograd("off") == .off)
        #expect(Winograd("inference") == .inference)
        #expect(Winograd("4") == .always(tile: 4))
        #expect(Winograd("") == .automatic)
        #expect(Winograd("3") == nil)
    }

    @Test("The rule: what it is for, and where it wins")
    func rule() {
        func convolution(stride: Int = 1, dilation: Int = 1, groups: Int = 1) -> Convolution {
            Convolution(
                strides: [stride, stride], paddingLow: [1, 1], paddingHigh: [1, 1], dilations: [dilation, dilation],
                groups: groups, hasBias: false)
        }
        func tile(_ batch: Int, _ channels: Int, _ size: Int, _ winograd: Winograd = .automatic) -> Int? {
            let shape = Shape([batch, channels, size, size])
            return winograd.tile(convolution(), input: shape, output: shape)
        }
        #expect(tile(1, 64, 224) == 4)
        #expect(tile(1, 512, 14) == 4)
        #expect(tile(16, 512, 7) == 4)
        // Four tiles of 4 by 4, but sixteen of 2 by 2.
        #expect(tile(1, 512, 7) == 2)
        // Tiles of 4 would reach past 5 by 5 by more than it has.
        #expect(tile(16, 256, 5) == 2)
        #expect(tile(2, 32, 9) == nil)
        #expect(tile(1, 64, 224, .off) == nil)
        // In training weights are transformed anew for each run.
        func trainingTile(_ batch: Int, _ channels: Int, _ size: Int, _ winograd: Winograd = .automatic) -> Int? {
            let shape = Shape([batch, channels, size, size])
            return winograd.tile(convolution(), input: shape, output: shape, isInference: false)
        }
        #expect(trainingTile(1, 512, 14) == nil && trainingTile(8, 512, 14) == 4)
        #expect(trainingTile(1, 64, 224) == 4 && trainingTile(1, 64, 224, .inference) == nil)
        #expect(tile(1, 24, 224) == nil)
        #expect(tile(0, 64, 224, .always(tile: 4)) == nil)
        let shape: Shape = [1, 64, 56, 56]
        #expect(Winograd.automatic.tile(convolution(stride: 2), input: shape, output: [1, 64, 28, 28]) == nil)
        #expect(Winograd.automatic.tile(convolution(dilation: 2), input: shape, output: shape) == nil)
        #expect(Winograd.automatic.tile(convolution(groups: 2), input: shape, output: shape) == nil)
    }
}
