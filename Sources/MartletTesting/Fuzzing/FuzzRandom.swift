/// SplitMix64: the fuzzer's numbers, the same from a seed everywhere.
package struct FuzzRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 0x1234_5678_9ABC_DEF1 }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// Uniform in 0 ..< count, for the small counts of a fuzzer.
    package mutating func below(_ count: Int) -> Int { Int(next() >> 33) % max(1, count) }
    package mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
    package mutating func element<T>(_ list: [T]) -> T { list[below(list.count)] }

    /// One of `list` by its weight.
    package mutating func weighted<T>(_ list: [(weight: Int, value: T)]) -> T {
        var rest = below(list.reduce(0) { $0 + $1.weight })
        for (weight, value) in list {
            rest -= weight
            if rest < 0 { return value }
        }
        return list[list.count - 1].value
    }
}
