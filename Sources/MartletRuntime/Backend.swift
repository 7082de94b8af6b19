import MartletGraph

/// A device's part in running plans: memory, and a prepared kernel for each step.
///
/// A backend knows nothing of layers; the planner knows nothing of instruction sets.
package protocol Backend: AnyObject, Sendable {
    var device: Device { get }

    /// Changes where other kernels would be picked: part of every plan's key, beside the device.
    var engineSet: UInt64 { get }

    /// True where elementwise work is put together into steps; else each item is a step of its own.
    var fusesSteps: Bool { get }

    /// Memory for a result, aligned to 64 bytes. Throws where there is none.
    func allocate(byteCount: Int) throws -> Buffer

    /// Bytes that the pool of this device sets aside for a request of so many.
    func footprint(byteCount: Int) -> Int

    /// Copies from this device's memory to the host's, after whatever still writes it.
    func copyToHost(_ address: UnsafeRawPointer, _ host: UnsafeMutableRawPointer, byteCount: Int) throws

    /// Copies from the host's memory to this device's.
    func copyFromHost(_ host: UnsafeRawPointer, _ address: UnsafeMutableRawPointer, byteCount: Int) throws

    /// True where the backend has a kernel of the composite's name for these operands as they lie; else its body runs.
    func hasKernel(for composite: any Composite, operands: [OperandLayout]) -> Bool

    /// True where the kernel of `primitive` reads operand `index` by any strides; else the planner makes it contiguous.
    func acceptsStrides(_ primitive: Primitive, operand index: Int) -> Bool

    /// True where the kernel of `primitive` reads operand `index`, a scalar, as a number of the run as well
    /// (`OperandDescription.isScalarArgument`); else the planner puts the number into memory as an element.
    func acceptsNumber(_ primitive: Primitive, operand index: Int) -> Bool

    /// The layouts in which the kernel of `primitive` wants its operands and gives its results; nil means all plain.
    func layouts(_ primitive: Primitive, operands: [OperandLayout], results: [TensorType]) -> StepLayouts?

    /// True where what a convolution of a type does behind its sum is costly: folding then multiplies the factor into the weights
    /// and adds the residual in place.
    func hasCostlyPostOperations(in dtype: DataType) -> Bool

    /// The operand whose memory result `result` may take over, so that an update happens in place.
    func donation(_ primitive: Primitive, result: Int) -> Int?

    /// Makes the kernel of a step ready to run many times. Bad shapes and missing memory throw.
    func prepare(_ step: StepDescription) throws -> any PreparedKernel

    /// Scratch memory for `byteCount` bytes of temporaries, given back when the lease ends.
    func leaseArena(byteCount: Int) throws -> ArenaLease

    /// Runs a plan: `kernels` calls its prepared kernels in order. The completion says when their results are there.
    ///
    /// Memory that the run leased or let go of may be leased again at once: a backend whose kernels run later orders them, and
    /// its copies, as they were asked for.
    ///
    /// - Parameter isParallel: some kernel shares its work among the device's threads (`StepDescription.isParallel`).
    func run(isParallel: Bool, _ kernels: () throws -> Void) throws -> Completion
}

/// When the results of a run are there.
package struct Completion: Sendable {
    private let waiting: (@Sendable () async throws -> Void)?

    /// They are there already: what the processor answers.
    package static let done = Completion(nil)

    /// They are there once `waiting` returns.
    package init(_ waiting: (@Sendable () async throws -> Void)?) { self.waiting = waiting }

    package func wait() async throws { try await waiting?() }
}

/// What a step does and on what: enough for a backend to choose a kernel.
package struct StepDescription: Sendable {
    package enum Work: Sendable {
        /// Elementwise work with an optional reduction at its end.
        case fused(FusedKernel)
        /// One structural primitive.
        case primitive(Primitive, arguments: [ArgumentReference])
    }
    package let work: Work
    package let inputs: [OperandDescription]
    package let outputs: [OperandDescription]
    /// Calls of one composite side by side (the update of every parameter): their inputs follow one another, and their outputs.
    package var repetitions = 1
    /// The layers that the work was recorded in, where somebody watched.
    package var origins: [Origin] = []
    /// True for a primitive that was recorded in inference.
    package var isInference = false
    /// How the prepared kernel computes it, where its backend has several ways.
    package var method: String?
    /// True where it runs only when another step packs what it makes, and no longer keeps what it packed (`Derivation`).
    package var isOnDemand = false
}

/// An operand before its layout is settled: its type as a value, and the size of the channel blocks it lies in already.
package struct OperandLayout: Sendable {
    package let type: TensorType
    package let block: Int?
    package init(type: TensorType, block: Int?) {
        self.type = type
        self.block = block
    }
}

/// The channel blocks (`ChannelBlocks`) in which operands and results of a step lie; nil for plain ones.
package struct StepLayouts: Sendable {
    package let operands: [Int?]
    package let results: [Int?]
    package init(operands: [Int?], results: [Int?]) {
        self.operands = operands
        self.results = results
    }
}

/// An operand as a kernel meets it: its pointer has the view's offset added.
package struct OperandDescription: Sendable, Hashable {
    package let type: TensorType
    package let strides: [Int]
    /// True where the pointer is that of a `Scalar` of the run rather than of an element.
    package var isScalarArgument = false
    /// True for a result that no step reads and nobody keeps: a kernel may leave it out.
    package var isUnread = false
    /// The value's shape where it lies in channel blocks; `type` is then the shape in memory.
    package var blockedShape: Shape?
    /// The size of the channel blocks it lies in; nil where it is plain.
    package var block: Int? { blockedShape == nil ? nil : type.shape.sizes.last }
    /// The value's type, however it lies in memory.
    package var valueType: TensorType { TensorType(valueShape, type.dtype) }
    /// The value's shape, however it lies in memory.
    package var valueShape: Shape { blockedShape ?? type.shape }
    package var isContiguous: Bool { View.isContiguous(strides, type.shape) }
}

extension OperandDescription {
    /// A contiguous operand.
    package static func contiguous(_ shape: Shape, _ dtype: DataType) -> OperandDescription {
        OperandDescription(type: TensorType(shape, dtype), strides: shape.contiguousStrides)
    }

    /// The first rows of a matrix.
    package func prefix(rows: Int) -> OperandDescription {
        OperandDescription(type: TensorType([rows, type.shape[1]], type.dtype), strides: strides)
    }
}

extension StepDescription {
    /// A part of a step that its kernel leaves to a kernel of another kind.
    package static func part(
        _ primitive: Primitive, _ inputs: [OperandDescription], _ outputs: [OperandDescription]
    ) -> StepDescription {
        StepDescription(work: .primitive(primitive, arguments: []), inputs: inputs, outputs: outputs)
    }
}

/// Where a number of a node comes from when a plan runs.
package enum ArgumentReference: Hashable, Sendable {
    /// Index into the scalars of the run.
    case runtime(Int)
    /// Known when the plan was made.
    case fixed(Scalar)
}

/// A kernel ready to run. `pointers` are those of the step's inputs, then of its outputs; `scalars` are the run's.
package protocol PreparedKernel: AnyObject, Sendable {
    func run(
        _ pointers: UnsafeMutablePointer<UnsafeMutableRawPointer>, _ scalars: UnsafePointer<Scalar>
    ) throws

    /// Bytes of each stretch of device memory that a run leases for itself, all at once.
    var workspace: [Int] { get }
}

extension PreparedKernel {
    /// None: most kernels work in their operands and results alone.
    package var workspace: [Int] { [] }
}

/// A kernel that says how it computes: its backend has several ways.
package protocol DescribedKernel: PreparedKernel {
    var method: String { get }
}

/// A kernel that may make its result in a layout of its own, and then brings it into the plan's in every run.
package protocol UnpackingKernel: PreparedKernel {
    /// True where it does.
    var unpacksResult: Bool { get }
}

/// A kernel that brings an operand into a layout of its own before it runs. What it packed can serve later runs, for as long
/// as the operand's elements stay what they are.
package protocol PackingKernel: PreparedKernel {
    /// Which operand.
    var packedOperand: Int { get }
    /// What the packed form is: kernels of one number share it. Nil where it cannot be told from others, and is not kept.
    var packing: UInt64? { get }
    /// Bytes of the packed form, which are no part of `workspace`.
    var packedByteCount: Int { get }
    /// True where `run` packs as well; else packing pays only for an operand that is met again.
    var packsAnyway: Bool { get }
    func pack(_ operand: UnsafeMutableRawPointer) throws -> Buffer
    /// `run`, with the operand packed already.
    func run(
        _ pointers: UnsafeMutablePointer<UnsafeMutableRawPointer>, _ scalars: UnsafePointer<Scalar>,
        packed: UnsafeMutableRawPointer
    ) throws
}

extension PackingKernel {
    package var packsAnyway: Bool { true }
}

/// Temporaries' memory for one run.
package final class ArenaLease: @unchecked Sendable {
    package let address: UnsafeMutableRawPointer
    private let giveBack: () -> Void
    package init(address: UnsafeMutableRawPointer, giveBack: @escaping () -> Void) {
        self.address = address
        self.giveBack = giveBack
    }
    deinit { giveBack() }
}

/// The backends of this process, by kind of device. Floor 5 fills it once.
package enum Backends {
    nonisolated(unsafe) private static var table: [any Backend] = []
    private static let lock = Lock()

    package static func register(_ backend: any Backend) {
        lock.withLock { table.append(backend) }
    }

    package static func backend(for device: Device) -> (any Backend)? {
        lock.withLock { table.first { $0.device == device } }
    }

    /// The devices that have a backend, in the order of registration.
    package static var devices: [Device] { lock.withLock { table.map(\.device) } }
}
