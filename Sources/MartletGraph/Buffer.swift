/// A piece of a device's memory, owned.
///
/// Backends subclass it: the CPU's frees or recycles its block on `deinit`, memory lent by the user calls the user back.
/// `@unchecked Sendable`: the address is fixed; writes happen only while a plan holds the buffer alone (`isKnownUniquelyReferenced`).
open class Buffer: @unchecked Sendable {
    package final let address: UnsafeMutableRawPointer
    package final let byteCount: Int
    /// Whose memory it is. Only the processor's may be read through `address` outside a backend.
    package final let device: Device
    /// Counts donated writes: what was derived from the buffer (packed weights) is valid for one generation.
    package internal(set) final var generation = 0
    /// What was made from the elements; under `DerivedBuffers.lock`.
    final var derivations: DerivedBuffers?
    /// 0 until somebody asks which buffer this is (`serial`); under `DerivedBuffers.lock`.
    final var ownSerial = 0

    /// True for memory that is somebody else's: it is read and never written, whoever holds it last.
    package final let isBorrowed: Bool

    package init(
        address: UnsafeMutableRawPointer, byteCount: Int, device: Device = .cpu, isBorrowed: Bool = false
    ) {
        self.address = address
        self.byteCount = byteCount
        self.device = device
        self.isBorrowed = isBorrowed
    }
}

/// A value that exists: elements of a buffer, from an offset, by strides.
package struct Realized: Sendable {
    package var buffer: Buffer
    /// Elements from the buffer's start to the first one.
    package var offset: Int
    /// Elements between neighbours along each axis; nil means contiguous and row-major.
    package var strides: [Int]?
    /// The size of the blocks in which the channels (axis 1) lie innermost (`ChannelBlocks`); nil where they do not.
    package var block: Int?

    package init(buffer: Buffer, offset: Int = 0, strides: [Int]? = nil, block: Int? = nil) {
        self.buffer = buffer
        self.offset = offset
        self.strides = strides
        self.block = block
    }

    /// True where the elements lie in row-major order without gaps.
    package var isPlain: Bool { strides == nil && block == nil }

    /// Sizes and strides that walk the elements in the row-major order of `shape`.
    package func walk(_ shape: Shape) -> (sizes: Shape, strides: [Int]) {
        guard let block else { return (shape, strides ?? shape.contiguousStrides) }
        let blocked = ChannelBlocks.shape(shape, block)
        return (ChannelBlocks.inRowMajorOrder(blocked), ChannelBlocks.inRowMajorOrder(blocked.contiguousStrides))
    }
}

/// Shape and element type of a value.
package struct TensorType: Hashable, Sendable, CustomStringConvertible {
    package var shape: Shape
    package var dtype: DataType

    package init(_ shape: Shape, _ dtype: DataType) {
        self.shape = shape
        self.dtype = dtype
    }

    package var description: String { "\(dtype)\(shape)" }
    package var byteCount: Int { shape.elementCount * dtype.byteCount }
}
