import Foundation

/// A pattern over the paths of parameters: `*` stands for any letters, `?` for one, `[ab]` for one of several.
struct ParameterPattern: Sendable {
    /// As it is written.
    let text: String

    /// Whether it names a parameter.
    func matches(_ name: String) -> Bool { fnmatch(text, name, 0) == 0 }

    /// The name that comes nearest to it; nil where there are no names.
    func nearest(among names: [String]) -> String? {
        let ranked = names.map { (name: $0, edits: edits(to: Array($0))) }
        return ranked.min { ($0.edits, $0.name) < ($1.edits, $1.name) }?.name
    }

    /// The fewest insertions, deletions and substitutions outside of `*` that make the pattern one that matches.
    private func edits(to name: [Character]) -> Int {
        var last = Array(0...name.count)
        for letter in text {
            let isAny = letter == "*"
            var row = [last[0] + (isAny ? 0 : 1)]
            for (place, wanted) in name.enumerated() {
                let change = last[place] + (letter == wanted || letter == "?" ? 0 : 1)
                row.append(isAny ? min(last[place + 1], row[place]) : min(last[place + 1] + 1, row[place] + 1, change))
            }
            last = row
        }
        return last[name.count]
    }
}
