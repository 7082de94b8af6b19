import Foundation
import MartletTensor

/// A cheap stream of random bits for indices and drawings on the host: SplitMix64 (Steele, Lea, Flood 2014).
///
/// What is drawn from it is the same on every machine and for every version of Swift.
public struct RandomStream: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// The stream that a seed and further numbers, such as an epoch and an index, lead to.
    public init(seed: UInt64, _ path: UInt64...) {
        state = path.reduce(Self.mixed(seed)) { Self.mixed($0 ^ Self.mixed($1 &+ 0x632B_E59B_D9B4_E019)) }
    }

    /// The stream whose next number follows `rawState`, as the reference implementation counts.
    package init(rawState: UInt64) { state = rawState }

    /// A stream from a generator, of which it takes one draw: `RandomStream(.current)` in a sample's transformation.
    public init(_ generator: Generator) {
        let stream = generator.nextStream()
        self.init(seed: stream.key, stream.start)
    }

    /// The next 64 random bits.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return Self.finalized(state)
    }

    /// A number in `0..<bound`, every one equally probable (Lemire 2019).
    public mutating func below(_ bound: Int) -> Int {
        precondition(bound > 0, "RandomStream.below: the bound is \(bound)")
        let bound = UInt64(bound)
        var product = next().multipliedFullWidth(by: bound)
        if product.low < bound {
            let threshold = (0 &- bound) % bound
            while product.low < threshold { product = next().multipliedFullWidth(by: bound) }
        }
        return Int(product.high)
    }

    /// A number in [0, 1), of 24 random bits.
    public mutating func unit() -> Float { Float(next() >> 40) * 0x1p-24 }

    /// A number in [0, 1), of 53 random bits.
    public mutating func unitDouble() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// A number in [0, 1), of 53 random bits.
    package mutating func unit53() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// A standard normal number (Box, Muller 1958).
    package mutating func standardNormal() -> Double {
        // In (0, 1]: its logarithm is a number.
        let length = (-2 * log(1 - unit53())).squareRoot()
        return length * cos(2 * .pi * unit53())
    }

    /// A number in [low, high).
    public mutating func uniform(_ low: Float, _ high: Float) -> Float { low + (high - low) * unit() }

    /// 0..<count in a random order (Fisher, Yates).
    public mutating func permutation(of count: Int) -> [UInt32] {
        var order = [UInt32](0..<UInt32(count))
        var last = count - 1
        while last > 0 {
            order.swapAt(last, below(last + 1))
            last -= 1
        }
        return order
    }

    private static func mixed(_ value: UInt64) -> UInt64 { finalized(value &+ 0x9E37_79B9_7F4A_7C15) }

    private static func finalized(_ value: UInt64) -> UInt64 {
        var z = value
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
