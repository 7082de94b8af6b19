import Foundation
import Martlet
import MartletRecipes

/// The data set of a run that names none.
enum DataChoice {
    /// MNIST where it is found or can be fetched, else Digits, with what to say about the choice.
    static func usual(directory: String?) throws -> (kind: ImageSet, note: String?) {
        // What is found is read once, later; a file that is wrong is then said to be.
        if directory != nil || DataPlaces.isInsistedOn || DataPlaces.find(.mnist).isHere { return (.mnist, nil) }
        do {
            for part in ImagePart.allCases { _ = try ImageSet.mnist.loadReporting(part, directory: nil) }
            return (.mnist, nil)
        } catch let error as FileError {
            return (
                .digits,
                """
                MNIST is neither in $MARTLET_DATA nor in the cache and cannot be fetched (\(error.found)); \
                training on Digits, drawn by a program in its shape. Point --data-dir at MNIST's files to use them.
                """
            )
        }
    }
}

extension ImageSet {
    /// Reads a part, and shows downloads.
    func loadReporting(_ part: ImagePart, directory: String?) throws -> any RecordDataset {
        let reporter = DownloadReporter()
        defer { reporter.finish() }
        return try load(part, directory: directory) { reporter.report($0) }
    }
}

/// Shows downloads as lines on standard error.
final class DownloadReporter {
    private let terminal = Terminal.standardError
    private var name: String?

    func report(_ progress: DownloadProgress) {
        if !terminal.isTerminal {
            if name != progress.name { terminal.write("fetching \(progress.name) from \(progress.url)\n") }
        } else {
            let share = progress.expected.map { " \(100 * progress.received / max(1, $0))%" } ?? ""
            terminal.write("\r\u{1B}[2Kfetching \(progress.name)\(share)")
        }
        name = progress.name
    }

    func finish() {
        if name != nil, terminal.isTerminal { terminal.write("\r\u{1B}[2K") }
        name = nil
    }
}
