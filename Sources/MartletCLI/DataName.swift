import ArgumentParser
import Foundation
import Martlet

/// The data sets that the command knows by name.
enum DataName: String, ExpressibleByArgument, Codable, CaseIterable {
    case mnist
    case fashionMNIST = "fashion-mnist"
    case digits

    /// As it is written.
    var title: String {
        switch self {
        case .mnist: "MNIST"
        case .fashionMNIST: "Fashion-MNIST"
        case .digits: "Digits"
        }
    }

    /// How its pixels become a network's inputs.
    var scaling: PixelScaling {
        switch self {
        case .mnist: .mnist
        case .fashionMNIST: .fashionMNIST
        case .digits: .digits
        }
    }

    /// Reads a part; files are looked for in `directory`, else where `MARTLET_DATA` says, else fetched.
    func load(_ part: ImagePart, directory: String?) throws -> any RecordDataset {
        let reporter = DownloadReporter()
        defer { reporter.finish() }
        switch self {
        case .mnist: return try MNIST(part, directory: directory) { reporter.report($0) }
        case .fashionMNIST: return try FashionMNIST(part, directory: directory) { reporter.report($0) }
        case .digits: return Digits(part)
        }
    }

    /// The set that is asked for, or else MNIST where it is found or can be fetched, or else Digits, with what to say
    /// about the choice.
    static func choose(_ asked: DataName?, directory: String?) throws -> (name: DataName, note: String?) {
        if let asked { return (asked, nil) }
        // What is found is read once, later; a file that is wrong is then said to be.
        if directory != nil || DataPlaces.isInsistedOn || DataPlaces.find(.mnist).isHere { return (.mnist, nil) }
        do {
            for part in ImagePart.allCases { _ = try DataName.mnist.load(part, directory: nil) }
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

/// Whether a folder is at a path.
func isFolder(_ path: String) -> Bool {
    var isDirectory: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory.boolValue
}
