import Foundation

/// Where the repository's own files are, for tests.
package enum Repository {
    /// The folder that holds Package.swift.
    package static let root: String = {
        var url = URL(fileURLWithPath: #filePath)
        while url.path != "/" {
            url.deleteLastPathComponent()
            if FileManager.default.fileExists(atPath: url.appendingPathComponent("Package.swift").path) { break }
        }
        return url.path
    }()
}
