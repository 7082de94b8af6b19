import Synchronization

/// One recorded operation: a primitive with attributes, operands, and one or more results.
///
/// A node is pending until a plan made its results; what nobody asked for is then only *released*: it can be asked for
/// again while its history (the operands of a differentiable node) is kept. A node of several results is ready when the plan
/// made one of them; the others are released.
///
/// `@unchecked Sendable`: `operands`, `realized` and `recording` are written under the recording's lock before `state` is
/// stored with release order, and read after `state` was loaded with acquire order. A node that ran is written under one lock of
/// all nodes: what it has stays, what it lacks is added and then told of.
package final class Node: @unchecked Sendable {
    package enum State: UInt8, AtomicRepresentable { case pending, ready, released, failed }

    package let primitive: Primitive
    /// The user's numbers: what changes values but not the plan.
    package let arguments: [Scalar]
    package let type: TensorType
    /// Types of the second result and those after it.
    package let moreTypes: [TensorType]
    /// Nil where nothing has committed the value to a device yet.
    package let device: Device?
    /// True where a derivative can flow through: some operand is differentiable, or this is a differentiable leaf.
    package let isDifferentiable: Bool
    /// True where it was recorded inside `withoutGradient`: a rewrite of the graph records it so again.
    package let isOutsideHistory: Bool
    /// True where it was recorded without a history and not as part of a derivative: nobody will ask for its gradient.
    package let isInference: Bool
    /// Creation order across all threads: operands always come before their node.
    package let order: UInt64
    /// The layer that recorded it, where somebody watched; outside every key.
    package let origin: Origin
    /// The innermost `checkpoint { }` that recorded it: its derivative records it again instead of having it kept.
    package let checkpoint: CheckpointRegion?
    /// The value that this node repeats, or shows through a fence, for a derivative with a history of its own (of several results the
    /// first): what is differentiated once more is that one, so that derivatives meet in the order in which they would without a
    /// checkpoint. Written before anybody else can know the node.
    @exclusivity(unchecked) package internal(set) var repeats: Value?
    /// Where gradients that arrive here are collected; only leaves have one.
    package let leaf: LeafBox?

    // Read many times a flush: whoever touches them while the node is pending holds the recording's lock, so exclusivity is not
    // checked once more.
    @exclusivity(unchecked) package private(set) var operands: [Value]
    /// The operands where they lie in `operands`, whose storage stays put while the node refers to it: a flush walks those of pending
    /// nodes several times, and counts no reference for it. A node that is not pending may let go of them on another thread.
    @exclusivity(unchecked) package private(set) var operandsInPlace: UnsafeBufferPointer<Value>
    /// Where it was recorded. Written once, before anybody else can know the node, so that another thread may read it.
    @exclusivity(unchecked) package internal(set) var recording: Recording?
    /// Index in the recording while pending.
    @exclusivity(unchecked) package internal(set) var position = 0
    /// The recording's address while pending, else 0: compared without counting references.
    package var home: UInt { homeStorage.load(ordering: .relaxed) }
    /// Read by threads that record on the node while the one that runs it lets it go.
    private let homeStorage = Atomic<UInt>(0)
    package internal(set) var failure: (any Error)?
    /// True once a `backward()` without `retainGraph` has walked it.
    package var isHistoryReleased: Bool { historyReleased.load(ordering: .sequentiallyConsistent) }
    private let historyReleased = Atomic(false)

    private let stateStorage = Atomic<State>(.pending)
    /// A bit a result that was made; of nodes of several results.
    private let madeStorage = Atomic<UInt64>(0)
    private let heldFirst = Atomic<Int>(0)
    @exclusivity(unchecked) private var realizedFirst: Realized?
    /// The second result and those after it.
    private let more: [FurtherResult]

    private static let counter = Atomic<UInt64>(0)
    /// Held while a node that ran is written: its operands go, or a result is added.
    private static let afterwards = Lock()

    package init(
        _ primitive: Primitive, operands: [Value], arguments: [Scalar] = [], type: TensorType,
        moreTypes: [TensorType] = [], device: Device?, isDifferentiable: Bool, isOutsideHistory: Bool,
        leaf: LeafBox? = nil, origin: Origin = .none, isInference: Bool = false, checkpoint: CheckpointRegion? = nil
    ) {
        self.primitive = primitive
        self.operands = operands
        operandsInPlace = operands.withUnsafeBufferPointer { $0 }
        self.arguments = arguments
        self.type = type
        self.moreTypes = moreTypes
        self.device = device
        self.isDifferentiable = isDifferentiable
        self.isOutsideHistory = isOutsideHistory
        self.leaf = leaf
        self.origin = origin
        self.isInference = isInference
        self.checkpoint = checkpoint
        order = Node.counter.wrappingAdd(1, ordering: .relaxed).newValue
        more = moreTypes.isEmpty ? [] : moreTypes.map { _ in FurtherResult() }
    }

    /// Frees chains of nodes one after the other: a long history would overflow the stack if each freed its operands itself.
    deinit {
        guard !operands.isEmpty else { return }
        var pending = operands
        dropOperands()
        while var value = pending.popLast() {
            if isKnownUniquelyReferenced(&value.node), !value.node.operands.isEmpty {
                pending.append(contentsOf: value.node.operands)
                value.node.dropOperands()
            }
        }
    }

    package var state: State { stateStorage.load(ordering: .acquiring) }
    package var isPending: Bool { state == .pending }
    package var resultCount: Int { 1 + moreTypes.count }
    /// Sets of a node's results are bits of a word.
    package static let maximumResultCount = 63

    /// The primitive's number in keys. Not inlined into other modules, where the primitive would be copied first.
    @inline(never) package var code: UInt64 { primitive.code }

    /// The primitive's attributes as words of a key.
    @inline(never) package func encodeAttributes(into key: inout KeyWriter) { primitive.encode(into: &key) }

    package func type(of result: Int) -> TensorType { result == 0 ? type : moreTypes[result - 1] }
    package func result(_ index: Int) -> Value { Value(node: self, index: index) }
    /// True where a derivative flows through the result: none does through integers and masks.
    package func isDifferentiable(_ result: Int) -> Bool {
        isDifferentiable && (result == 0 ? type.dtype : moreTypes[result - 1].dtype).isFloatingPoint
    }

    /// The value of a result, where it was made and kept.
    package func realized(_ result: Int) -> Realized? {
        guard isMade(result) else { return nil }
        return result == 0 ? realizedFirst : more[result - 1].realized
    }

    /// True where the result has a value.
    package func isMade(_ result: Int) -> Bool { state == .ready && (moreTypes.isEmpty || hasMade(result)) }

    /// True where the node ran and the result has no value: it can be had by running it again.
    package func isReleased(_ result: Int) -> Bool {
        switch state {
        case .released: true
        case .ready: !moreTypes.isEmpty && !hasMade(result)
        case .pending, .failed: false
        }
    }

    private func hasMade(_ result: Int) -> Bool { madeStorage.load(ordering: .acquiring) >> UInt64(result) & 1 == 1 }

    // MARK: Held results

    package func retainHandle(_ result: Int) {
        if result == 0 {
            heldFirst.add(1, ordering: .relaxed)
        } else {
            more[result - 1].held.add(1, ordering: .relaxed)
        }
    }

    package func releaseHandle(_ result: Int) {
        if result == 0 {
            heldFirst.subtract(1, ordering: .releasing)
        } else {
            more[result - 1].held.subtract(1, ordering: .releasing)
        }
    }

    /// True where some handle (a `Tensor` of the user's) names the result.
    package func isHeld(_ result: Int) -> Bool {
        if result == 0 { return heldFirst.load(ordering: .acquiring) > 0 }
        return more[result - 1].held.load(ordering: .acquiring) > 0
    }

    // MARK: Life after a flush

    /// Called under the recording's lock by whoever ran the node: stores what was kept and lets go of the rest.
    ///
    /// - Parameter isGuest: another thread than the recording's own ran it. What has no value now may be read by a gradient that
    ///   was recorded already and that nobody has asked for yet: its operands stay even where `backward` has walked it.
    package func complete(_ values: (Int) -> Realized?, keepingHistory: Bool, isGuest: Bool = false) {
        realizedFirst = values(0)
        var made: UInt64 = realizedFirst == nil ? 0 : 1
        for index in more.indices {
            more[index].realized = values(index + 1)
            if more[index].realized != nil { made |= 2 << UInt64(index) }
        }
        madeStorage.store(made, ordering: .releasing)
        finish(made != 0, isWhole: made.nonzeroBitCount == resultCount, keepingHistory, isGuest)
    }

    /// `complete` for a node of one result.
    package func complete(first realized: Realized?, keepingHistory: Bool, isGuest: Bool = false) {
        realizedFirst = realized
        finish(realized != nil, isWhole: realized != nil, keepingHistory, isGuest)
    }

    @inline(__always)
    private func finish(_ isMade: Bool, isWhole: Bool, _ keepingHistory: Bool, _ isGuest: Bool) {
        if !keepingHistory || isHistoryReleased && (isWhole || !isGuest) { dropOperands() }
        leaveRecording()
        guard isGuest else { return stateStorage.store(isMade ? .ready : .released, ordering: .releasing) }
        // Where `backward` walks the node meanwhile, one of the two sees the other.
        stateStorage.store(isMade ? .ready : .released, ordering: .sequentiallyConsistent)
        if isHistoryReleased { letGoAfterwards() }
    }

    /// Adds results that a node which ran before lacked; those that it has may be read by any thread now, and stay.
    package func add(_ values: (Int) -> Realized?) {
        Node.afterwards.withLock {
            var made = madeStorage.load(ordering: .relaxed)
            for result in 0..<resultCount where !isMade(result) {
                guard let value = values(result) else { continue }
                if result == 0 { realizedFirst = value } else { more[result - 1].realized = value }
                made |= 1 << UInt64(result)
            }
            guard made != 0 else { return }
            madeStorage.store(made, ordering: .releasing)
            stateStorage.store(.ready, ordering: .releasing)
        }
        if isHistoryReleased { letGoAfterwards() }
    }

    /// Lets go of the operands of a node that ran, where it has all its values and `backward` has walked it.
    private func letGoAfterwards() {
        // Outside the lock: their end may free a whole graph.
        let gone = Node.afterwards.withLock { isWhole ? takeOperands() : [] }
        withExtendedLifetime(gone) {}
    }

    /// True where every result has a value.
    private var isWhole: Bool { (0..<resultCount).allSatisfy { isMade($0) } }

    /// The operands of a node that ran: another thread may let go of them meanwhile.
    package var operandsAfterwards: [Value] { Node.afterwards.withLock { operands } }

    /// Takes the value out of a leaf that its only owner is about to give another one; nil where it has none.
    package func emptyLeaf() -> Realized? {
        guard state == .ready else { return nil }
        return realizedFirst.take()
    }

    /// Gives a leaf that was emptied its value.
    package func refill(with realized: consuming Realized) { realizedFirst = realized }

    func leaveRecording() { homeStorage.store(0, ordering: .relaxed) }

    package func join(_ recording: Recording, at position: Int) {
        self.position = position
        self.recording = recording
        homeStorage.store(recording.address, ordering: .relaxed)
    }

    /// Lets go of the operands before the node runs, so that a plan may overwrite what nobody else holds.
    package func dropOperands() { _ = takeOperands() }

    @inline(__always)
    private func takeOperands() -> [Value] {
        guard !operandsInPlace.isEmpty else { return [] }
        operandsInPlace = UnsafeBufferPointer(start: nil, count: 0)
        var taken: [Value] = []
        swap(&taken, &operands)
        return taken
    }

    /// True where the node ran and its operands were given up: it cannot be computed again.
    package var hasLostOperands: Bool { operandsInPlace.isEmpty && readsOperands }

    /// True for an operation: what is no leaf, number or coordinate.
    package var readsOperands: Bool {
        switch primitive {
        case .leaf, .placeholder, .constant, .iota: return false
        case .randomBits, .unary, .binary, .select, .cast, .alias, .reshape, .permute, .expand, .slice, .flip,
            .updateSlice, .concatenate, .gather, .scatter, .indexSelect, .indexAdd, .sort, .reduce, .argReduce,
            .cumulativeSum, .matmul, .convolution, .convolutionInputGradient, .convolutionWeightGradient, .maxPool,
            .averagePool, .averagePoolGradient, .linearAlgebra, .composite, .copy, .collective:
            return true
        }
    }

    /// Marks every result as failed: nothing half-updated can be read.
    package func fail(_ error: any Error) {
        failure = error
        realizedFirst = nil
        for result in more { result.realized = nil }
        dropOperands()
        leaveRecording()
        stateStorage.store(.failed, ordering: .releasing)
    }

    /// Lets go of the history behind a node that `backward()` has walked.
    ///
    /// A value whose memory was given up at a flush keeps its operands: the derivative just recorded may compute it again
    /// from them (the transposed weight of a dense layer), and the node itself goes when nothing reads it any more.
    package func releaseHistory() {
        historyReleased.store(true, ordering: .sequentiallyConsistent)
        if stateStorage.load(ordering: .sequentiallyConsistent) != .pending { letGoAfterwards() }
    }
}

/// A result after the first: its handles, and its value once it has one.
///
/// `@unchecked Sendable`: the value is written and read like its node's.
private final class FurtherResult: @unchecked Sendable {
    let held = Atomic<Int>(0)
    @exclusivity(unchecked) var realized: Realized?
}

/// Where the gradient of a differentiable leaf is collected. Floor 5 owns what it means.
open class LeafBox: @unchecked Sendable {
    package init() {}
}

/// A number beside a node: a double for floating types, an integer for the others; bits of a counter too.
package struct Scalar: Hashable, Sendable {
    package let bits: UInt64
    package init(_ value: Double) { bits = value.bitPattern }
    package init(_ value: Int) { bits = UInt64(bitPattern: Int64(value)) }
    package init(bits: UInt64) { self.bits = bits }
    package var real: Double { Double(bitPattern: bits) }
    package var integer: Int { Int(Int64(bitPattern: bits)) }
}
