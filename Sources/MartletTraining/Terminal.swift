import Foundation

/// Where lines for a person go: a terminal with a width, or a plain file or pipe.
///
/// A value of closures, so that a test can stand in for the terminal.
public struct Terminal: Sendable {
    /// Whether the cursor can be moved: escape codes are written nowhere else.
    public let isTerminal: Bool
    /// Whether characters beyond ASCII can be shown.
    public let isUnicode: Bool
    /// Whether text may be coloured.
    public let isColored: Bool
    /// The columns of a line now; a window may change between two calls.
    public let width: @Sendable () -> Int
    /// Writes text as it is.
    public let write: @Sendable (String) -> Void

    /// A terminal of closures.
    public init(
        isTerminal: Bool, isUnicode: Bool = true, isColored: Bool = false,
        width: @escaping @Sendable () -> Int = { Terminal.usualWidth }, write: @escaping @Sendable (String) -> Void
    ) {
        (self.isTerminal, self.isUnicode, self.isColored) = (isTerminal, isUnicode, isColored)
        (self.width, self.write) = (width, write)
    }

    /// The width for which everything here is laid out.
    public static let usualWidth = 80

    /// Standard error, where progress and messages go.
    public static var standardError: Terminal { Terminal(descriptor: STDERR_FILENO) }

    /// Standard output, where results go.
    public static var standardOutput: Terminal { Terminal(descriptor: STDOUT_FILENO) }

    /// An open file descriptor; colours are off where `NO_COLOR` is set or `TERM` is `dumb`.
    package init(descriptor: Int32, environment: [String: String] = ProcessInfo.processInfo.environment) {
        let isTerminal = isatty(descriptor) == 1 && environment["TERM"] != "dumb"
        self.init(
            isTerminal: isTerminal, isUnicode: Terminal.isUTF8(environment),
            isColored: isTerminal && environment["NO_COLOR", default: ""].isEmpty,
            width: { Terminal.columns(of: descriptor, environment) },
            write: { Terminal.writeAll($0, to: descriptor) })
    }

    /// Whether the locale's characters are UTF-8, by the first of the three variables that is set.
    package static func isUTF8(_ environment: [String: String]) -> Bool {
        let names = ["LC_ALL", "LC_CTYPE", "LANG"]
        guard let locale = names.lazy.compactMap({ environment[$0] }).first(where: { !$0.isEmpty }) else {
            return false
        }
        let name = locale.lowercased()
        return name.contains("utf-8") || name.contains("utf8")
    }

    /// What the terminal says, else `COLUMNS`, else 80.
    package static func columns(of descriptor: Int32, _ environment: [String: String]) -> Int {
        var size = winsize()
        if ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 { return Int(size.ws_col) }
        if let columns = environment["COLUMNS"].flatMap({ Int($0) }), columns > 0 { return columns }
        return usualWidth
    }

    /// One call for all bytes where the system takes them, so that lines of two processes do not mix.
    package static func writeAll(_ text: String, to descriptor: Int32) {
        var text = text
        text.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)
            while let start = rest.baseAddress, rest.count > 0 {
                let written = Foundation.write(descriptor, start, rest.count)
                if written < 0 {
                    // A reader that has gone is no reason to stop training.
                    if errno == EINTR { continue } else { return }
                }
                rest = UnsafeRawBufferPointer(rebasing: rest[written...])
            }
        }
    }
}

extension StringProtocol {
    /// The columns that the text takes: two for the wide characters of East Asia and for emoji.
    package var columns: Int { reduce(0) { $0 + $1.columns } }

    /// The text cut or filled up with spaces on the right to exactly `width` columns.
    package func fitted(to width: Int, unicode: Bool = true) -> String {
        let own = columns
        if own <= width { return String(self) + String(repeating: " ", count: width - own) }
        guard width > 0 else { return "" }
        var (text, used) = ("", 0)
        for character in self where used + character.columns < width {
            text.append(character)
            used += character.columns
        }
        return text + (unicode ? "…" : "~") + String(repeating: " ", count: width - used - 1)
    }

    /// The text filled up with spaces on the left to at least `width` columns.
    package func rightAligned(to width: Int) -> String {
        String(repeating: " ", count: Swift.max(0, width - columns)) + String(self)
    }

    /// The text without control characters: names come from files and must not move the cursor.
    package var withoutControls: String {
        String(
            String.UnicodeScalarView(unicodeScalars.map { $0.properties.generalCategory == .control ? "\u{FFFD}" : $0 })
        )
    }
}

extension Character {
    fileprivate var columns: Int {
        guard let scalar = unicodeScalars.first else { return 0 }
        if unicodeScalars.contains(where: { $0.value == 0xFE0F }) { return 2 }
        switch scalar.value {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
            0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F680...0x1F6FF, 0x1F900...0x1F9FF,
            0x20000...0x3FFFD:
            return 2
        default: return 1
        }
    }
}
