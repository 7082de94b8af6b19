/// A value set from outside the file: `--set optimizer.lr=0.01`, `--set augmentation.0.RandomAffine.degrees=5`.
struct RecipeOverride {
    private let text: String
    private let path: [String]
    private let value: RecipeNode
    private let file: String

    /// - Throws: `RecipeError` where there is no `=`, or the value is no YAML.
    init(_ text: String, file: String) throws {
        guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
            throw RecipeError(
                file: file, place: .override(text), key: "", expected: "key=value, such as optimizer.lr=0.01",
                found: "\"\(text)\"")
        }
        (self.text, self.file) = (text, file)
        path = text[..<equals].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        value = try RecipeText.parse(option: text, value: String(text[text.index(after: equals)...]), file: file)
    }

    /// The tree with the value in its place; maps on the way are made.
    ///
    /// A section that was written as a bare name becomes the map it stands for, with the name as its `kind`.
    func applied(to root: RecipeNode) throws -> RecipeNode { try set(path[...], in: root) }

    private func set(_ path: ArraySlice<String>, in node: RecipeNode?) throws -> RecipeNode {
        guard let key = path.first else { return value }
        let place = RecipePlace.override(text)
        switch node?.content {
        case .list(var items):
            guard let index = Int(key), items.indices.contains(index) else {
                throw RecipeError(
                    file: file, place: place, key: self.path.joined(separator: "."),
                    expected: "an index from 0 to \(items.count - 1)", found: "\"\(key)\"")
            }
            items[index] = try set(path.dropFirst(), in: items[index])
            return RecipeNode(.list(items), at: node?.place ?? place)
        case .map(var entries):
            if let index = entries.firstIndex(where: { $0.key == key }) {
                entries[index].value = try set(path.dropFirst(), in: entries[index].value)
                entries[index].place = place
            } else {
                entries.append(.init(key: key, place: place, value: try set(path.dropFirst(), in: nil)))
            }
            return RecipeNode(.map(entries), at: node?.place ?? place)
        case .scalar:
            let name = RecipeNode.Entry(key: "kind", place: node?.place ?? place, value: node ?? value)
            return try set(path, in: RecipeNode(.map([name]), at: node?.place ?? place))
        case .null, nil: return try set(path, in: RecipeNode(.map([]), at: place))
        }
    }
}
