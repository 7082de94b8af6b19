/// The nearest of several names, for a person who misspelt one.
package enum NearestName {
    /// The name with the fewest edits; nil where even that one is a different word.
    package static func find(_ wanted: String, among names: some Sequence<String>) -> String? {
        let limit = max(1, wanted.count / 3)
        let meant = plain(wanted)
        let ranked = names.map { (name: $0, edits: edits(meant, plain($0))) }
        return ranked.filter { $0.edits <= limit }.min { ($0.edits, $0.name) < ($1.edits, $1.name) }?.name
    }

    /// The name that is nearest, however far it is: one that begins alike counts as nearer. Nil where there are no names.
    package static func closest(_ wanted: String, among names: some Sequence<String>) -> String? {
        let meant = plain(wanted)
        func strangeness(_ name: String) -> Int {
            let name = plain(name)
            return edits(meant, name) - 2 * zip(meant, name).prefix { $0 == $1 }.count
        }
        let ranked = names.map { (name: $0, strangeness: strangeness($0)) }
        return ranked.min { ($0.strangeness, $0.name) < ($1.strangeness, $1.name) }?.name
    }

    /// Case and separators are what people get wrong most often.
    private static func plain(_ name: String) -> [Character] { name.lowercased().filter { $0 != "_" && $0 != "-" } }

    /// Insertions, deletions, substitutions and swaps of neighbours that lead from one word to the other.
    private static func edits(_ a: [Character], _ b: [Character]) -> Int {
        var before = [Int]()
        var last = Array(0...b.count)
        for i in a.indices {
            var row = [i + 1]
            for j in b.indices {
                var cost = min(last[j + 1], row[j]) + 1
                cost = min(cost, last[j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, before[j - 1] + 1) }
                row.append(cost)
            }
            (before, last) = (last, row)
        }
        return last[b.count]
    }
}
