import Foundation
import MartletFiles

/// What is wrong with a table: in which file, on which line, in which column.
public struct TableError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file's path, or the name by which the caller knows the text.
    public let file: String
    /// The line, from 1, where one is to blame.
    public let line: Int?
    /// The column's name, where one is to blame.
    public let column: String?
    /// What would have been right.
    public let expected: String
    /// What was there instead.
    public let found: String

    /// An error of these parts.
    public init(file: String, line: Int? = nil, column: String? = nil, expected: String, found: String) {
        self.file = file
        self.line = line
        self.column = column
        self.expected = expected
        self.found = found
    }

    /// A file that cannot be read at all.
    init(_ error: FileError) {
        self.init(file: error.file, expected: "\(error.field) \(error.expected)", found: error.found)
    }

    /// One line: file, line, column, expectation, finding.
    public var description: String {
        let place = [line.map { ", line \($0)" }, column.map { ", column \($0)" }].compactMap { $0 }.joined()
        return "\(file)\(place): expected \(expected), found \(found)"
    }
}

extension TableError: LocalizedError {
    /// The same line as `description`.
    public var errorDescription: String? { description }
}
