import MartletData
import MartletTensor

/// The images of a set as the bytes they are stored in, for transforms that work on pictures.
///
///     let augmented = StoredImages(try MNIST(.train)).map(Compose([RandomRotation(10), ToDtype(scale: true)]))
///
/// ## Shapes
/// Inputs `[channels, height, width]` uint8; label `[]` int64.
public struct StoredImages: Dataset {
    private let base: any RecordDataset
    private let classes: [Int]
    private let shape: Shape

    /// The images of a set of bytes.
    public init(_ base: some RecordDataset) {
        self.base = base
        classes = base.records.classes
        shape = base.records.sample(at: 0).inputs.shape
    }

    /// The number of images.
    public var count: Int { base.count }
    /// The number of classes.
    public var classCount: Int? { base.classCount }
    /// The names of the classes.
    public var classNames: [String] { base.classNames }

    /// An image's bytes and its class.
    public subscript(index: Int) -> Sample {
        let position = base.position(of: index)
        let pixels = base.records.withInputBytes(at: position) { bytes in Tensor([UInt8](bytes), shape: shape) }
        return Sample(inputs: pixels, label: Tensor(classes[position]))
    }
}
