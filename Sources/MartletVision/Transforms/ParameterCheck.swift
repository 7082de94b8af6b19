import MartletGraph

/// Checks of parameters that several transforms have.
enum ParameterCheck {
    /// Stops with what a program did wrong. It stands here because MartletGraph and MartletData both have a `RandomStream`, so that
    /// a file that uses one imports one of them.
    static func fail(_ message: String, file: StaticString = #fileID, line: UInt = #line) -> Never {
        stop(message, file: file, line: line)
    }

    static func probability(_ p: Double) -> String? { 0...1 ~= p ? nil : "p is from 0 to 1, it is \(p)" }

    static func positive(_ range: ClosedRange<Double>?, _ name: String) -> String? {
        (range?.lowerBound ?? 1) > 0 ? nil : "\(name) is above 0, it starts at \(range?.lowerBound ?? 0)"
    }

    static func notNegative(_ range: ClosedRange<Double>?, _ name: String) -> String? {
        (range?.lowerBound ?? 0) >= 0 ? nil : "\(name) is at least 0, it starts at \(range?.lowerBound ?? 0)"
    }
}
