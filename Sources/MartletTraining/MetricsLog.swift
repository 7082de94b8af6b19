import Foundation
import MartletFiles

/// `metrics.jsonl`: a JSON object a line, each handed to the system as soon as it is made.
public struct MetricsLog: ~Copyable {
    private let descriptor: Int32
    private let path: String

    /// Opens the file for appending, and makes it if it is not there.
    ///
    /// - Parameter step: where a run is resumed, the step of its checkpoint: lines of later steps are dropped, for the
    ///   run makes them anew; so is a last line that was torn when the process died. Nil keeps every whole line.
    /// - Throws: `FileError`: `malformed` for a line before the last that is no record, or the system's failure.
    public init(at path: String, resumingAfter step: Int? = nil) throws {
        try MetricsLog.repair(path, keepingUpTo: step)
        let opened = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
        guard opened >= 0 else { throw FileError.system(errno, file: path, step: "open") }
        (descriptor, self.path) = (opened, path)
    }

    deinit { _ = close(descriptor) }

    /// Appends a line.
    ///
    /// - Throws: `FileError` of kind `diskFull` or `inputOutput`.
    public func append(_ record: MetricsRecord) throws {
        let line = [UInt8]((try JSONLines.line(record) + "\n").utf8)
        var written = 0
        while written < line.count {
            let count = line.withUnsafeBytes {
                write(descriptor, $0.baseAddress?.advanced(by: written), $0.count - written)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw FileError.system(errno, file: path, step: "write") }
            written += count
        }
        // On the disk before the checkpoint that counts the epoch as done.
        guard fsync(descriptor) == 0 else { throw FileError.system(errno, file: path, step: "sync") }
    }

    /// The records of a file; a torn last line is left out.
    ///
    /// - Throws: `FileError` of kind `missing`, `malformed` or `inputOutput`.
    public static func read(_ path: String) throws -> [MetricsRecord] { try parse(path).map(\.record) }

    private static func repair(_ path: String, keepingUpTo step: Int?) throws {
        guard let size = try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int else { return }
        let kept = try parse(path).filter { $0.record.step <= step ?? .max }
        let bytes = kept.flatMap { $0.line + [newline] }
        if bytes.count != size { try AtomicFile.write(bytes, to: path) }
    }

    private static func parse(_ path: String) throws -> [(line: [UInt8], record: MetricsRecord)] {
        let lines = try contents(of: path).split(separator: newline, omittingEmptySubsequences: false)
        // What follows the last line's end is either nothing or torn.
        let whole = lines.dropLast()
        var parsed: [(line: [UInt8], record: MetricsRecord)] = []
        for (index, line) in whole.enumerated() {
            do {
                parsed.append((Array(line), try JSONDecoder().decode(MetricsRecord.self, from: Data(line))))
            } catch  where index + 1 == whole.count {
                // After a loss of power the last line can be there by length without its bytes.
                break
            } catch {
                throw FileError.malformed(
                    path, "line \(index + 1)", expected: "a JSON object with epoch, step, train_loss and seconds",
                    found: String(decoding: line.prefix(60), as: UTF8.self))
            }
        }
        return parsed
    }

    private static func contents(of path: String) throws -> [UInt8] {
        guard FileManager.default.fileExists(atPath: path) else {
            throw FileError.system(ENOENT, file: path, step: "open")
        }
        do {
            return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        } catch {
            throw FileError(.inputOutput, file: path, field: "read", expected: "to succeed", found: "\(error)")
        }
    }

    private static let newline = UInt8(ascii: "\n")
}
