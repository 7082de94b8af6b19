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
struct SelectedQuantiles {
    private(set) var result: GroupQuantiles = ([], [])

    /// The number of a rank: the bits that are known, and the rank among the numbers that share them.
    private struct Target {
        var prefix: UInt64 = 0
        var rank = 0
        var counts = [Int](repeating: 0, count: 256)
    }

    init(_ stream: NumberStream<some Dataset>, _ fractions: [Double]) throws {
        var groups: [[Target]] = []
        var places: [[QuantilePlace]] = []
        var shape: Shape = []
        for shift in stride(from: 56, through: 0, by: -8) {
            try stream.forEachBlock { block in
                if groups.isEmpty {
                    shape = block.map.shape
                    let targets = [Target](repeating: Target(), count: 2 * fractions.count)
                    groups = [[Target]](repeating: targets, count: shape.elementCount)
                }
                block.visit { number, group in
                    let key = Self.ordered(number)
                    for target in groups[group].indices where Self.shares(key, groups[group][target].prefix, shift) {
                        groups[group][target].counts[Int(key >> UInt64(shift) & 0xFF)] += 1
                    }
                }
            }
            if shift == 56 {
                places = groups.indices.map { group in Self.places(fractions, &groups[group]) }
            }
            for group in groups.indices {
                for target in groups[group].indices { Self.narrow(&groups[group][target]) }
            }
        }
        let quantiles = zip(groups, places).map { targets, places in
            places.indices.map { place in
                let (low, high) = (targets[2 * place].prefix, targets[2 * place + 1].prefix)
                return places[place].interpolated(Self.number(low), Self.number(high))
            }
        }
        result = (shape, quantiles)
    }

    /// True where the bits above the byte at `shift` are those found.
    private static func shares(_ key: UInt64, _ prefix: UInt64, _ shift: Int) -> Bool {
        shift == 56 || key >> UInt64(shift + 8) == prefix
    }

    /// The ranks of each fraction's two neighbours, now that the numbers are counted.
    private static func places(_ fractions: [Double], _ targets: inout [Target]) -> [QuantilePlace] {
        let count = targets.first?.counts.reduce(0, +) ?? 0
        return fractions.indices.map { index in
            let place = QuantilePlace(fractions[index], of: count)
            targets[2 * index].rank = place.rank
            targets[2 * index + 1].rank = min(place.rank + 1, max(0, count - 1))
            return place
        }
    }

    /// Takes the byte in which the rank falls, and starts counting anew.
    private static func narrow(_ target: inout Target) {
        var byte = 0
        while byte < 255, target.rank >= target.counts[byte] {
            target.rank -= target.counts[byte]
            byte += 1
        }
        target.prefix = target.prefix << 8 | UInt64(byte)
        target.counts = [Int](repeating: 0, count: 256)
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
