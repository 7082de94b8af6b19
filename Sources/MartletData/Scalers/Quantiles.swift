import MartletTensor

/// Where a quantile lies among n numbers in order: between number `rank` and the next, a part `weight` of the way.
struct QuantilePlace {
    let rank: Int
    let weight: Double

    init(_ fraction: Double, of count: Int) {
        let place = fraction * Double(max(0, count - 1))
        rank = Int(place.rounded(.down))
        weight = place - place.rounded(.down)
    }

    /// The number between two, computed from the end that is nearer.
    func interpolated(_ low: Double, _ high: Double) -> Double {
        weight < 0.5 ? low + (high - low) * weight : high - (high - low) * (1 - weight)
    }
}

/// Each group's quantiles, in the order of the fractions asked for; 0 where a group has no numbers.
typealias GroupQuantiles = (shape: Shape, quantiles: [[Double]])

/// Quantiles of numbers that are all kept and sorted.
struct SortedQuantiles {
    private(set) var result: GroupQuantiles = ([], [])

    private struct Full: Error {}

    /// Keeps and sorts the numbers; nil where there are more than `limit`.
    init?(_ stream: NumberStream<some Dataset>, _ fractions: [Double], limit: Int) throws {
        var groups: [[Double]] = []
        var shape: Shape = []
        var kept = 0
        do {
            try stream.forEachBlock { block in
                if groups.isEmpty {
                    shape = block.map.shape
                    groups = [[Double]](repeating: [], count: shape.elementCount)
                }
                kept += block.numbers.count
                guard kept <= limit else { throw Full() }
                block.visit { number, group in groups[group].append(number) }
            }
        } catch is Full {
            return nil
        }
        let quantiles = groups.map { numbers in
            let sorted = numbers.sorted()
            return fractions.map { fraction in
                let place = QuantilePlace(fraction, of: sorted.count)
                guard place.rank < sorted.count else { return 0.0 }
                return place.interpolated(sorted[place.rank], sorted[min(place.rank + 1, sorted.count - 1)])
            }
        }
        result = (shape, quantiles)
    }
}

/// Quantiles of numbers that are read eight times and never kept: each reading finds eight more bits of each number sought.
///
/// A number's bits, turned so that they are in the numbers' order, are found from the highest on: of the numbers that share the
/// bits found so far, those with each of 256 next bytes are counted, and the byte is where the rank sought falls.
///
/// For each fraction two numbers are sought in each group, the neighbours that the quantile lies between: *targets*, side by side.
struct SelectedQuantiles {
    private(set) var result: GroupQuantiles = ([], [])

    /// How many targets each group has.
    private let targets: Int
    /// The bits found of each target.
    private var prefixes: [UInt64] = []
    /// Each target's rank among the numbers that share its bits.
    private var ranks: [Int] = []
    /// For each target, how many numbers that share its bits go on with each byte.
    private var counts: [Int] = []

    init(_ stream: NumberStream<some Dataset>, _ fractions: [Double]) throws {
        targets = 2 * fractions.count
        var places: [[QuantilePlace]] = []
        for shift in stride(from: 56, through: 0, by: -8) {
            try stream.forEachBlock { block in
                if prefixes.isEmpty { begin(block.map.shape) }
                count(block, shift: UInt64(shift))
            }
            if shift == 56 { places = (0..<result.shape.elementCount).map { rank(fractions, group: $0) } }
            for target in prefixes.indices { narrow(target) }
        }
        result.quantiles = places.indices.map { group in
            fractions.indices.map { index in
                let target = group * targets + 2 * index
                return places[group][index].interpolated(
                    Self.number(prefixes[target]), Self.number(prefixes[target + 1]))
            }
        }
    }

    private mutating func begin(_ shape: Shape) {
        result.shape = shape
        let all = shape.elementCount * targets
        prefixes = [UInt64](repeating: 0, count: all)
        ranks = [Int](repeating: 0, count: all)
        counts = [Int](repeating: 0, count: 256 * all)
    }

    /// Counts the byte at `shift` of the numbers that share what was found above it.
    private mutating func count(_ block: NumberBlock, shift: UInt64) {
        let targets = targets
        prefixes.withUnsafeBufferPointer { prefixes in
            counts.withUnsafeMutableBufferPointer { counts in
                block.visit { number, group in
                    let key = Self.ordered(number)
                    let byte = Int(key >> shift & 0xFF)
                    // No bit is found before the first reading, where the prefix and what it is held against are 0.
                    let above = shift == 56 ? 0 : key >> (shift + 8)
                    for target in group * targets..<(group + 1) * targets where prefixes[target] == above {
                        counts[256 * target + byte] += 1
                    }
                }
            }
        }
    }

    /// The ranks of each fraction's two neighbours, now that a group's numbers are counted.
    private mutating func rank(_ fractions: [Double], group: Int) -> [QuantilePlace] {
        let first = group * targets
        let count = counts[256 * first..<256 * (first + 1)].reduce(0, +)
        return fractions.indices.map { index in
            let place = QuantilePlace(fractions[index], of: count)
            ranks[first + 2 * index] = place.rank
            ranks[first + 2 * index + 1] = min(place.rank + 1, max(0, count - 1))
            return place
        }
    }

    /// Takes the byte in which a target's rank falls, and starts counting anew.
    private mutating func narrow(_ target: Int) {
        var byte = 0
        while byte < 255, ranks[target] >= counts[256 * target + byte] {
            ranks[target] -= counts[256 * target + byte]
            byte += 1
        }
        prefixes[target] = prefixes[target] << 8 | UInt64(byte)
        for place in 256 * target..<256 * (target + 1) { counts[place] = 0 }
    }

    /// A number's bits such that their order is the numbers'.
    private static func ordered(_ number: Double) -> UInt64 {
        let bits = number.bitPattern
        return bits >> 63 == 1 ? ~bits : bits | 1 << 63
    }

    /// The number of ordered bits; 0 for those that no number has, which are a group's without numbers.
    private static func number(_ key: UInt64) -> Double {
        let number = Double(bitPattern: key >> 63 == 1 ? key ^ (1 << 63) : ~key)
        return number.isFinite ? number : 0
    }
}
