import Foundation

/// What is wrong with a file: where, in which field, what was expected and what was found.
///
/// Every reader and writer of this room throws this type and no other, so that a command can turn `kind` into an exit
/// code and print `description` as it is.
public struct FileError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The families of failure that a caller may want to tell apart.
    public enum Kind: String, Sendable, CaseIterable {
        /// The file, the folder or a program needed to fetch it does not exist.
        case missing
        /// The bytes break the format's rules.
        case malformed
        /// The bytes are valid, but use a part of the format that is not read or written here.
        case unsupported
        /// The contents are not those that were promised: a checksum or a size differs.
        case mismatch
        /// The system denies access.
        case permission
        /// No space is left, or a quota or size limit is reached.
        case diskFull
        /// No source could deliver the file.
        case unreachable
        /// Any other failure of the system's calls.
        case inputOutput
    }

    /// The family of the failure.
    public let kind: Kind
    /// The path, or the name by which the caller knows the bytes.
    public let file: String
    /// The field of the format, such as `magic`, or the step that failed, such as `open`.
    public let field: String
    /// What would have been right.
    public let expected: String
    /// What was there instead.
    public let found: String

    /// An error of these parts.
    public init(_ kind: Kind, file: String, field: String, expected: String, found: String) {
        self.kind = kind
        self.file = file
        self.field = field
        self.expected = expected
        self.found = found
    }

    /// One line: file, field, expectation, finding.
    public var description: String { "\(file): \(field): expected \(expected), found \(found)" }
}

extension FileError: LocalizedError {
    /// The same line as `description`.
    public var errorDescription: String? { description }
}

extension FileError {
    /// Bytes that break a format's rules.
    package static func malformed(_ file: String, _ field: String, expected: String, found: String) -> FileError {
        FileError(.malformed, file: file, field: field, expected: expected, found: found)
    }

    /// Bytes that are valid but not handled here.
    package static func unsupported(_ file: String, _ field: String, expected: String, found: String) -> FileError {
        FileError(.unsupported, file: file, field: field, expected: expected, found: found)
    }

    /// Bytes that end before the field does.
    package static func truncated(_ file: String, _ field: String, needed: Int, available: Int) -> FileError {
        malformed(
            file, field, expected: "at least \(needed) byte\(needed == 1 ? "" : "s")",
            found: available == 0 ? "the end of the data" : "\(available), then the end of the data")
    }

    /// The failure that a system call left in `errno`.
    ///
    /// - Parameters:
    ///   - code: the value of `errno` just after the call.
    ///   - step: the call's purpose: `open`, `write`, `rename`.
    package static func system(_ code: Int32, file: String, step: String) -> FileError {
        let kind: Kind
        switch code {
        case ENOENT, ENOTDIR: kind = .missing
        case EACCES, EPERM, EROFS: kind = .permission
        case ENOSPC, EDQUOT, EFBIG: kind = .diskFull
        default: kind = .inputOutput
        }
        return FileError(
            kind, file: file, field: step, expected: "to succeed", found: String(cString: strerror(code)))
    }
}
