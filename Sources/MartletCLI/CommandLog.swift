import Logging
import Martlet

/// The command's notes and warnings: lines on standard error that begin with its name.
struct CommandLog: LogHandler {
    static let logger = Logger(label: "martlet") { _ in CommandLog() }

    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let level = event.level == .warning ? "warning: " : ""
        Terminal.standardError.write("martlet: \(level)\(event.message)\n")
    }
}
