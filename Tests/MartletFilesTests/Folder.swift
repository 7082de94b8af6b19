import Foundation
import MartletTesting

/// A folder that lives as long as a test.
final class Folder {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("files-\(UUID().uuidString)").path

    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// What lies in the folder, hidden files too, by path.
    var contents: [String] { (try? FileManager.default.subpathsOfDirectory(atPath: path).sorted()) ?? [] }

    /// Writes a file and gives its path.
    func write(_ bytes: [UInt8], _ name: String = "file") throws -> String {
        try Data(bytes).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
        return "\(path)/\(name)"
    }
}

/// The path of a file that a peer's writer made.
func golden(_ name: String) -> String { Repository.root + "/Tests/Goldens/files/" + name }

/// A file's bytes.
func contents(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) }

/// The text that the compressed goldens hold.
let goldenText = (0..<200).flatMap { Array("line \($0 % 37) of a text that repeats itself\n".utf8) }
