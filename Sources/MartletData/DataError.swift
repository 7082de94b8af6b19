import Foundation

/// What is wrong with a data set's values: in which set, which field, at which index.
public struct DataError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The data set's name, or the file it came from.
    public let dataset: String
    /// The field: `labels`, `inputs`, `state`.
    public let field: String
    /// The sample's index, where one is to blame.
    public let index: Int?
    /// What would have been right.
    public let expected: String
    /// What was there instead.
    public let found: String

    /// An error of these parts.
    public init(dataset: String, field: String, index: Int? = nil, expected: String, found: String) {
        self.dataset = dataset
        self.field = field
        self.index = index
        self.expected = expected
        self.found = found
    }

    /// One line: set, field, index, expectation, finding.
    public var description: String {
        let place = index.map { "\(field) at index \($0)" } ?? field
        return "\(dataset): \(place): expected \(expected), found \(found)"
    }
}

extension DataError: LocalizedError {
    /// The same line as `description`.
    public var errorDescription: String? { description }
}
