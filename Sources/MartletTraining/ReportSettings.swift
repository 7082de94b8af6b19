import Foundation

extension Report {
    /// A line of the configuration.
    public struct Setting: Equatable, Sendable {
        /// The path of the setting, such as `optimizer.learning_rate`.
        public var name: String
        /// What it was set to.
        public var value: String

        /// A line.
        public init(_ name: String, _ value: String) { (self.name, self.value) = (name, value) }
    }

    /// The lines of what `config.json` holds: nested names joined by dots, in alphabetical order.
    public static func settings(of configuration: some Encodable) throws -> [Setting] {
        let line = try JSONLines.line(configuration)
        return try JSONDecoder().decode(Tree.self, from: Data(line.utf8)).lines(under: "")
    }
}

/// Any JSON, for display.
private enum Tree: Decodable {
    case value(String)
    case list([Tree])
    case object([String: Tree])

    init(from decoder: any Decoder) throws {
        let single = try decoder.singleValueContainer()
        if single.decodeNil() {
            self = .value("none")
        } else if let flag = try? single.decode(Bool.self) {
            self = .value(flag ? "yes" : "no")
        } else if let whole = try? single.decode(Int.self) {
            self = .value(String(whole))
        } else if let number = try? single.decode(Double.self) {
            self = .value(String(number))
        } else if let text = try? single.decode(String.self) {
            self = .value(text)
        } else if let list = try? single.decode([Tree].self) {
            self = .list(list)
        } else {
            self = .object(try single.decode([String: Tree].self))
        }
    }

    func lines(under name: String) -> [Report.Setting] {
        switch self {
        case .value(let text): return [Report.Setting(name, text)]
        case .list(let items):
            let texts = items.map { $0.lines(under: "").map(\.value).joined(separator: " ") }
            return [Report.Setting(name, texts.joined(separator: ", "))]
        case .object(let fields):
            return fields.sorted { $0.key < $1.key }.flatMap { key, value in
                value.lines(under: name.isEmpty ? key : "\(name).\(key)")
            }
        }
    }
}
