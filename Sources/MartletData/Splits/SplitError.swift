import Foundation

/// Why samples cannot be dealt as asked: what has too few members.
public struct SplitError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was to be done: `stratifiedSplit`, `stratifiedKFold`, `groupKFold`.
    public let operation: String
    /// What is too small: a class by its name or number, or the groups as a whole.
    public let group: String
    /// How many members it has.
    public let members: Int
    /// How many it would need: one for each part.
    public let needed: Int

    /// An error of these parts.
    public init(operation: String, group: String, members: Int, needed: Int) {
        self.operation = operation
        self.group = group
        self.members = members
        self.needed = needed
    }

    /// One line: operation, class, how many there are and must be.
    public var description: String { "\(operation): \(group) has \(members) members, expected at least \(needed)" }
}

extension SplitError: LocalizedError {
    /// The same line as `description`.
    public var errorDescription: String? { description }
}
