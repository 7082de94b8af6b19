/// Where a tensor's elements live and its operations run.
public struct Device: Hashable, Sendable, CustomStringConvertible {
    package enum Kind: UInt8, Sendable { case cpu, cuda, reference }

    package let kind: Kind
    /// Which one of its kind, from 0.
    public let index: Int

    package init(kind: Kind, index: Int = 0) {
        self.kind = kind
        self.index = index
    }

    /// The processor.
    public static let cpu = Device(kind: .cpu)

    /// Plain Swift evaluation of every primitive, slow and exact: what other backends are compared with.
    package static let reference = Device(kind: .reference)

    /// An NVIDIA GPU. Using one that is not there stops with the reason; ask `isCUDAAvailable` first.
    public static func cuda(_ index: Int) -> Device { Device(kind: .cuda, index: index) }

    public var description: String {
        switch kind {
        case .cpu: "cpu"
        case .cuda: "cuda:\(index)"
        case .reference: "reference"
        }
    }
}
