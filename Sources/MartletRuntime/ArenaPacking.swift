/// Places stretches of memory, each needed from one step to another, in one arena: the largest first, each as low as those beside it
/// in time allow. What is placed step by step leaves holes that a large stretch later does not fit.
///
/// Source: Y. Pisarchyk, J. Lee (2020), "Efficient memory management for deep neural net inference", greedy by size.
struct ArenaPacking {
    /// Memory that is needed from the first to the last of some steps, both included.
    struct Stretch {
        let byteCount: Int
        let first: Int
        var last: Int
    }

    /// Where each stretch begins.
    private(set) var offsets: [Int]
    private(set) var byteCount = 0

    init(_ stretches: [Stretch]) {
        offsets = Array(repeating: 0, count: stretches.count)
        let order = stretches.indices.sorted {
            (stretches[$1].byteCount, stretches[$0].first) < (stretches[$0].byteCount, stretches[$1].first)
        }
        // By offset: gaps are met from the lowest on.
        var placed: [Int] = []
        for index in order {
            let own = stretches[index]
            var offset = 0
            for other in placed {
                let beside = stretches[other]
                guard beside.first <= own.last, own.first <= beside.last else { continue }
                if offsets[other] >= offset + own.byteCount { break }
                offset = max(offset, offsets[other] + beside.byteCount)
            }
            offsets[index] = offset
            byteCount = max(byteCount, offset + own.byteCount)
            let place = placed.firstIndex { offsets[$0] > offset } ?? placed.count
            placed.insert(index, at: place)
        }
    }
}
