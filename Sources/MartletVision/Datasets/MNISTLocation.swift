import Foundation
import MartletFiles

/// Where the four files of an MNIST-like set are.
package struct MNISTLocation {
    /// Which of a part's two files.
    package enum Contents: String, CaseIterable {
        case images = "images-idx3-ubyte"
        case labels = "labels-idx1-ubyte"
    }

    package let variant: MNISTFiles.Variant
    /// The folder that the caller insists on.
    package let directory: String?
    /// The folder where the user keeps data sets.
    package let dataFolder: String?
    package let cache: DataCache

    package init(variant: MNISTFiles.Variant, directory: String?, dataFolder: String?, cache: DataCache) {
        self.variant = variant
        self.directory = directory
        self.dataFolder = dataFolder
        self.cache = cache
    }

    /// The path of a file, fetched if need be.
    package func path(
        _ part: MNISTFiles.Part, _ contents: Contents, progress: ((DownloadProgress) -> Void)? = nil
    ) throws(FileError) -> String {
        let name = "\(part.rawValue)-\(contents.rawValue)"
        if let directory {
            if let path = find(name, in: subfolders.map { "\(directory)/\($0)" } + [directory]) { return path }
            throw FileError(
                .missing, file: "\(directory)/\(name)", field: "open",
                expected: "this file or \(name).gz here or in \(variant.rawValue)/", found: "neither")
        }
        if let dataFolder, !dataFolder.isEmpty {
            // Both sets name their files alike, so files without a folder of their own can only be the digits.
            let own = variant == .digits ? [dataFolder] : []
            if let path = find(name, in: subfolders.map { "\(dataFolder)/\($0)" } + own) { return path }
        }
        return try cache.fetch(remoteFile(part, contents), progress: progress)
    }

    /// Folder names in use for a set: its own, and those that torchvision makes.
    private var subfolders: [String] {
        switch variant {
        case .digits: ["mnist", "MNIST/raw", "MNIST"]
        case .fashion: ["fashion-mnist", "FashionMNIST/raw", "FashionMNIST"]
        }
    }

    private func find(_ name: String, in folders: [String]) -> String? {
        for folder in folders {
            for ending in ["", ".gz"] where access("\(folder)/\(name)\(ending)", F_OK) == 0 {
                return "\(folder)/\(name)\(ending)"
            }
        }
        return nil
    }

    /// The published file: its mirrors, its checksum and its size.
    package func remoteFile(_ part: MNISTFiles.Part, _ contents: Contents) -> RemoteFile {
        let name = "\(part.rawValue)-\(contents.rawValue).gz"
        let mirrors: [String]
        switch variant {
        case .digits:
            mirrors = [
                "https://ossci-datasets.s3.amazonaws.com/mnist/",
                "https://storage.googleapis.com/cvdf-datasets/mnist/",
            ]
        case .fashion:
            mirrors = [
                "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
                "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
            ]
        }
        let (md5, byteCount) = identity(part, contents)
        return RemoteFile(
            name: "\(variant.rawValue)/\(name)", urls: mirrors.map { $0 + name }, checksum: .md5(md5),
            byteCount: byteCount)
    }

    private func identity(_ part: MNISTFiles.Part, _ contents: Contents) -> (md5: String, byteCount: Int) {
        switch (variant, part, contents) {
        case (.digits, .training, .images): ("f68b3c2dcbeaaa9fbdd348bbdeb94873", 9_912_422)
        case (.digits, .training, .labels): ("d53e105ee54ea40749a09fcbcd1e9432", 28_881)
        case (.digits, .test, .images): ("9fb629c4189551a2d022fa330f9573f3", 1_648_877)
        case (.digits, .test, .labels): ("ec29112dd5afa0611ce80d1b7f02629c", 4_542)
        case (.fashion, .training, .images): ("8d4fb7e6c68d591d4c3dfef9ec88bf0d", 26_421_880)
        case (.fashion, .training, .labels): ("25c81989df183df01b3e8a0aad5dffbe", 29_515)
        case (.fashion, .test, .images): ("bef4ecab320f06d8554ea6380940ec79", 4_422_102)
        case (.fashion, .test, .labels): ("bb300cfdad3c16e7a12a480ee83cd310", 5_148)
        }
    }
}
