import Foundation
import Martlet
import MartletRecipes

/// Where data sets are on this machine, found without fetching anything.
enum DataPlaces {
    enum Place: CustomStringConvertible {
        /// Nothing is read: a program draws the images.
        case drawn
        /// All four files are here.
        case found(String)
        case absent

        /// True where the files need not be fetched.
        var isHere: Bool {
            switch self {
            case .drawn, .found: true
            case .absent: false
            }
        }

        var description: String {
            switch self {
            case .drawn: "drawn by a program, needs no files"
            case .found(let folder): folder
            case .absent: "not here; fetched when first used"
            }
        }
    }

    static func find(_ name: ImageSet) -> Place {
        switch name {
        case .digits: .drawn
        case .mnist: folder(of: .digits)
        case .fashionMNIST: folder(of: .fashion)
        }
    }

    /// True where `MARTLET_DATA` names a folder that holds something of MNIST: what is wrong with it is to be mended, not
    /// passed by.
    static var isInsistedOn: Bool { !insistedOn(.digits).isEmpty }

    /// The files of a set that lie in the folder which `MARTLET_DATA` names.
    private static func insistedOn(_ variant: MNISTFiles.Variant) -> [String] {
        guard let folder = ProcessInfo.processInfo.environment["MARTLET_DATA"], !folder.isEmpty else { return [] }
        // A folder that is insisted on is never left for the net.
        let location = MNISTLocation(variant: variant, directory: folder, dataFolder: nil, cache: .standard)
        return files.compactMap { part, contents in try? location.path(part, contents) }
    }

    private static func folder(of variant: MNISTFiles.Variant) -> Place {
        let cache = DataCache.standard
        let insisted = insistedOn(variant)
        if insisted.count == files.count { return .found(parent(insisted[0])) }
        let location = MNISTLocation(variant: variant, directory: nil, dataFolder: nil, cache: cache)
        let paths = files.map { part, contents in cache.path(of: location.remoteFile(part, contents)) }
        return paths.allSatisfy { access($0, F_OK) == 0 } ? .found(parent(paths[0])) : .absent
    }

    private static let files = MNISTFiles.Part.allCases.flatMap { part in
        MNISTLocation.Contents.allCases.map { (part, $0) }
    }

    private static func parent(_ path: String) -> String { (path as NSString).deletingLastPathComponent }
}
