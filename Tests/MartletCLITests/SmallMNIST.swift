import Foundation

/// The four files of an MNIST-like set, small and drawn at random from a fixed seed, in a folder that goes with this object.
///
/// An image of class `c` has a bright block at a place of its own, so that a network learns it.
final class SmallMNIST {
    let folder: URL

    init(train: Int, test: Int) throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("mnist-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for (part, count) in [("train", train), ("t10k", test)] {
            try Data(images(of: count)).write(to: folder.appendingPathComponent("\(part)-images-idx3-ubyte"))
            try Data(labels(of: count)).write(to: folder.appendingPathComponent("\(part)-labels-idx1-ubyte"))
        }
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// The bytes of a labels' file.
    func labels(of count: Int) -> [UInt8] {
        header(1, [count]) + (0..<count).map { UInt8($0 % 10) }
    }

    private func images(of count: Int) -> [UInt8] {
        var state: UInt32 = 12345
        var bytes = header(3, [count, 28, 28])
        for index in 0..<count {
            let (row, column) = (index % 10 / 5 * 14, index % 10 % 5 * 5)
            for pixel in 0..<784 {
                state = state &* 1_664_525 &+ 1_013_904_223
                let isInside = (row..<row + 12).contains(pixel / 28) && (column..<column + 5).contains(pixel % 28)
                bytes.append(UInt8(truncatingIfNeeded: state >> 24) / 4 + (isInside ? 150 : 0))
            }
        }
        return bytes
    }

    private func header(_ dimensions: UInt8, _ sizes: [Int]) -> [UInt8] {
        [0, 0, 8, dimensions]
            + sizes.flatMap { size in (0..<4).map { UInt8(truncatingIfNeeded: size >> (24 - 8 * $0)) } }
    }
}
