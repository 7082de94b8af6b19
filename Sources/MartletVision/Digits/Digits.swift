import Dispatch
import MartletData
import MartletTensor

/// Digits drawn by a program, in MNIST's shape: 60,000 images to train with and 10,000 to test with, for where the real
/// ones cannot be had.
///
/// Each image is a digit in one of the ways people write it, its strokes trembling, bent by a smooth random field,
/// slanted, turned and sized at random, drawn with a pen of random width and pressure; some have grain, a gap in a
/// stroke or a slip of the pen. A LeNet-5 reaches about 98.8% in four epochs: like MNIST, neither trivial nor hopeless.
///
/// An image depends on seed, part and index alone. Images are drawn on all cores when a part is first asked for, in a few
/// seconds, and kept as bytes while a data set of them is in use. (Sines come from the system's mathematics library: a
/// byte may differ by one between machines whose libraries round differently.)
///
/// ## Shapes
/// Inputs `[1, 28, 28]` float32, standardised as `MNIST`'s are; label `[]` int64 in `0..<10`.
public struct Digits: RecordDataset {
    /// Which part of the set.
    public typealias Part = ImagePart

    /// The images and labels, by index.
    public let records: Records
    /// "0" to "9".
    public let classNames = (0..<10).map(String.init)

    /// Draws a part of the set, or finds it drawn.
    ///
    /// - Parameters:
    ///   - part: training and test images have nothing in common but the artist.
    ///   - seed: another seed gives other images.
    ///   - scaling: what a pixel's byte becomes.
    ///   - count: how many images; without it 60,000 or 10,000. Fewer are the first of the many.
    public init(_ part: Part, seed: UInt64 = 0, scaling: PixelScaling = .digits, count: Int? = nil) {
        let count = count ?? (part == .train ? 60_000 : 10_000)
        guard count >= 0 else { stop("Digits: count must be at least 0, it is \(count)") }
        records = DigitsCache.shared.records(DigitsCache.Key(part: part, seed: seed, scaling: scaling, count: count))
    }

    /// Draws images and labels, the same for any number of cores.
    static func drawn(_ key: DigitsCache.Key) -> Records {
        let size = DigitCanvas.side * DigitCanvas.side
        let stripe = 256
        var labels = [UInt8](repeating: 0, count: key.count)
        let images = [UInt8](unsafeUninitializedCapacity: key.count * size) { images, initialized in
            labels.withUnsafeMutableBufferPointer { labels in
                // Stripes do not overlap, so cores share no byte.
                nonisolated(unsafe) let (images, labels) = (images, labels)
                DispatchQueue.concurrentPerform(iterations: (key.count + stripe - 1) / stripe) { part in
                    for index in part * stripe..<min(key.count, (part + 1) * stripe) {
                        var random = RandomStream(seed: key.seed, key.part == .train ? 0 : 1, UInt64(index))
                        let digit = random.below(10)
                        labels[index] = UInt8(digit)
                        _ = UnsafeMutableBufferPointer(rebasing: images[index * size..<(index + 1) * size])
                            .initialize(from: DigitArtist.draw(digit, &random))
                    }
                }
            }
            initialized = key.count * size
        }
        let shape: Shape = [key.count, 1, DigitCanvas.side, DigitCanvas.side]
        return Records(images: images, shape: shape, labels: labels, scaling: key.scaling, name: "Digits")
    }
}

/// The drawn sets that some data set still uses.
///
/// `@unchecked Sendable`: the dictionary is touched under `lock` only.
final class DigitsCache: @unchecked Sendable {
    struct Key: Hashable, Sendable {
        let part: ImagePart
        let seed: UInt64
        let scaling: PixelScaling
        let count: Int
    }

    private struct Entry {
        weak var records: Records?
    }

    static let shared = DigitsCache()
    private let lock = Lock()
    private var entries: [Key: Entry] = [:]

    /// The images of `key`; a second caller waits for the first one's drawing rather than draw them again.
    func records(_ key: Key) -> Records {
        lock.withLock {
            if let records = entries[key]?.records { return records }
            let records = Digits.drawn(key)
            entries = entries.filter { $0.value.records != nil }
            entries[key] = Entry(records: records)
            return records
        }
    }
}
