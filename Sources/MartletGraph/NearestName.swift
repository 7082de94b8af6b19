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

    /// The name that takes the fewest edits, outside of `*`, to be one that a pattern stands for; nil where there are no names.
    /// In the pattern `*` is any letters and `?` is one.
    package static func closest(toPattern pattern: String, among names: some Sequence<String>) -> String? {
        let wanted = Array(pattern)
        let ranked = names.map { (name: $0, edits: edits(wanted, Array($0), isPattern: true)) }
        return ranked.min { ($0.edits, $0.name) < ($1.edits, $1.name) }?.name
    }

    /// Case and separators are what people get wrong most often.
    private static func plain(_ name: String) -> [Character] { name.lowercased().filter { $0 != "_" && $0 != "-" } }

    /// Insertions, deletions, substitutions and swaps of neighbours that lead from one word to the other, or from a pattern to
    /// one that it stands for.
    private static func edits(_ a: [Character], _ b: [Character], isPattern: Bool = false) -> Int {
        var before = [Int]()
        var last = Array(0...b.count)
        for i in a.indices {
            let isAny = isPattern && a[i] == "*"
            var row = [last[0] + (isAny ? 0 : 1)]
            for j in b.indices {
                var cost = min(last[j + 1], row[j]) + (isAny ? 0 : 1)
                cost = min(cost, last[j] + (a[i] == b[j] || isPattern && a[i] == "?" ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, before[j - 1] + 1) }
                row.append(cost)
            }
            (before, last) = (last, row)
        }
        return last[b.count]
    }
}
