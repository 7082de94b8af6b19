import Foundation
import MartletGraph
import MartletTensor

/// An initialiser by its name and its settings, as a file holds it: `he_normal`, or an object with a `name`.
///
///     initializer: glorot_uniform
///     initializer: {name: he_normal, fan: output}
///     initializer: {name: truncated_normal, standard_deviation: 0.02, low: -0.04, high: 0.04}
///
/// Decoding throws where the name is unknown, naming the nearest that is known, and where a setting is not one of the
/// initialiser's or out of its range.
public struct InitializerSpec: Codable, Hashable, Sendable {
    /// The initialiser's name, in snake case.
    public let name: String
    /// Its numbers, by their names in snake case; what is not named has the initialiser's default.
    public let settings: [String: Double]
    /// Which fan a variance is scaled by; nil for the initialiser's default.
    public let fan: Initializer.Fan?
    /// What `variance_scaling` draws from; nil for its default.
    public let distribution: Initializer.Distribution?

    /// A known name with settings that belong to it; throws what is wrong with them.
    public init(
        _ name: String, _ settings: [String: Double] = [:], fan: Initializer.Fan? = nil,
        distribution: Initializer.Distribution? = nil
    ) throws(InitializerSpecError) {
        (self.name, self.settings, self.fan, self.distribution) = (name, settings, fan, distribution)
        guard let kind = InitializerKind.all[name] else { throw .unknownName(name) }
        try kind.check(self)
    }

    /// The initialiser itself.
    public var initializer: Initializer { InitializerKind.all[name]?.make(self) ?? .zeros }

    /// The names that are known, in alphabetical order.
    public static var names: [String] { InitializerKind.all.keys.sorted() }

    func number(_ name: String, _ usual: Double) -> Double { settings[name] ?? usual }
}

extension Initializer {
    /// The initialiser of this name with its usual settings: `he_normal`, `glorot_uniform`, `orthogonal`, ... (see
    /// `InitializerSpec.names`); throws where there is none, naming the nearest.
    public static func named(_ name: String) throws(InitializerSpecError) -> Initializer {
        try InitializerSpec(name).initializer
    }
}

/// Why there is no initialiser of a name and settings.
public enum InitializerSpecError: Error, Equatable, Sendable, CustomStringConvertible {
    /// No initialiser has this name.
    case unknownName(String)
    /// The initialiser has no setting of this name.
    case unknownSetting(String, of: String)
    /// The setting's value is out of its range.
    case outOfRange(String, of: String, value: Double, expected: String)

    /// One line: what was found, and what is known or expected.
    public var description: String {
        switch self {
        case .unknownName(let name):
            let names = InitializerSpec.names
            let nearest = NearestName.closest(name, among: names) ?? ""
            return
                "initializer \"\(name)\" is not known; did you mean \"\(nearest)\"? Known: \(names.joined(separator: ", "))"
        case .unknownSetting(let setting, let name):
            let known = InitializerKind.all[name]?.settingNames ?? []
            let list = known.isEmpty ? "it has none" : "expected \(known.joined(separator: ", "))"
            return "initializer \(name): no setting \"\(setting)\"; \(list)"
        case .outOfRange(let setting, let name, let value, let expected):
            return "initializer \(name): \(setting) is \(value); \(expected) is expected"
        }
    }
}

extension InitializerSpec {
    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    /// From a name, or from an object with a `name` and settings.
    public init(from decoder: any Decoder) throws {
        do {
            if let name = try? decoder.singleValueContainer().decode(String.self) {
                self = try InitializerSpec(name)
                return
            }
            let container = try decoder.container(keyedBy: Key.self)
            let name = try container.decode(String.self, forKey: Key(stringValue: "name"))
            guard let kind = InitializerKind.all[name] else { throw InitializerSpecError.unknownName(name) }
            var settings: [String: Double] = [:]
            for key in container.allKeys where !["name", "fan", "distribution"].contains(key.stringValue) {
                guard kind.numbers.contains(key.stringValue) else {
                    throw InitializerSpecError.unknownSetting(key.stringValue, of: name)
                }
                settings[key.stringValue] = try container.decode(Double.self, forKey: key)
            }
            self = try InitializerSpec(
                name, settings,
                fan: try container.decodeIfPresent(Initializer.Fan.self, forKey: Key(stringValue: "fan")),
                distribution: try container.decodeIfPresent(
                    Initializer.Distribution.self, forKey: Key(stringValue: "distribution")))
        } catch let error as InitializerSpecError {
            throw DecodingError.dataCorrupted(
                DecodingError.Context(codingPath: decoder.codingPath, debugDescription: error.description))
        }
    }

    /// A name alone where there are no settings, else an object.
    public func encode(to encoder: any Encoder) throws {
        guard !settings.isEmpty || fan != nil || distribution != nil else {
            var container = encoder.singleValueContainer()
            return try container.encode(name)
        }
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(name, forKey: Key(stringValue: "name"))
        for (setting, number) in settings { try container.encode(number, forKey: Key(stringValue: setting)) }
        try container.encodeIfPresent(fan, forKey: Key(stringValue: "fan"))
        try container.encodeIfPresent(distribution, forKey: Key(stringValue: "distribution"))
    }
}
