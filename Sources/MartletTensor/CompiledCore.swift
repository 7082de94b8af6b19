import MartletGraph
import MartletRuntime

/// The part of a compiled function that does not depend on its types: traces, their programs, and the state they renew.
///
/// Everything is touched under `lock`.
final class CompiledCore {
    let lock = Lock()
    private let holders: [any StateHolder]
    private var programs: [Key: [TracedProgram]] = [:]
    /// What ran last: most calls run it again.
    private var latest: KeyedProgram?

    init(_ holders: [any StateHolder]) {
        self.holders = holders
    }

    var programCount: Int { programs.values.reduce(0) { $0 + $1.count } }

    /// What a trace depends on besides the state it reads.
    struct Key: Hashable {
        let inputs: [Input]
        let modes: Modes
        let settings: PlanSettings

        struct Input: Hashable {
            let type: TensorType
            let device: Device?

            /// Types tell keys apart well enough: devices are only compared.
            func hash(into hasher: inout Hasher) { type.hash(into: &hasher) }

            func matches(_ tensor: Tensor) -> Bool {
                // The tensor holds its node: no references are counted here.
                unowned(unsafe) let node = tensor.handle.value.node
                return node.device == device && tensor.value.type == type
            }
        }

        /// True for the key of these inputs, here and now.
        func matches(_ tensors: [Tensor]) -> Bool {
            guard tensors.count == inputs.count, modes == Modes.current, settings == PlanSettings.current else {
                return false
            }
            return inputs.indices.allSatisfy { inputs[$0].matches(tensors[$0]) }
        }
    }

    /// True where a derivative flows through an argument: what is to be recorded then is the closure itself.
    static func areDifferentiated(_ inputs: [Tensor]) -> Bool {
        for index in inputs.indices {
            // The tensor holds its node: no references are counted here.
            unowned(unsafe) let node = inputs[index].handle.value.node
            if node.isDifferentiable, inputs[index].value.isDifferentiable { return Modes.current.recordsHistory }
        }
        return false
    }

    private func key(_ inputs: [Tensor]) -> Key {
        Key(
            inputs: inputs.map { Key.Input(type: $0.value.type, device: $0.value.node.device) }, modes: Modes.current,
            settings: .current)
    }

    /// Runs the program of the inputs' key that fits the state, tracing `body` where there is none yet.
    ///
    /// - Returns: the results, and what the trace left for putting them together.
    func call(
        _ inputs: [Tensor], _ body: ([Tensor]) -> (leaves: [Tensor], outline: Any)
    ) throws -> ([Tensor], outline: Any) {
        lock.lock()
        defer { lock.unlock() }
        if let latest, latest.key.matches(inputs), latest.program.fits, var read = try latest.program.leaves(inputs) {
            return (try latest.program.run(&read), latest.program.outline)
        }
        let key = key(inputs)
        for known in programs[key] ?? [] where known.fits {
            guard var read = try known.leaves(inputs) else { continue }
            latest = KeyedProgram(key, known)
            return (try known.run(&read), known.outline)
        }
        while true {
            let made = try traced(inputs, key, body)
            // Nil where another thread put something else into a slot meanwhile.
            if var read = try made.leaves(inputs) { return (try made.run(&read), made.outline) }
        }
    }

    private func traced(
        _ inputs: [Tensor], _ key: Key, _ body: ([Tensor]) -> (leaves: [Tensor], outline: Any)
    ) throws -> TracedProgram {
        let made = try TracedProgram(inputs, updating: holders.flatMap(\.stateSlots), body)
        // A function whose arguments never come twice in one shape would keep a plan for each.
        if programCount >= Self.programBound { programs = [:] }
        programs[key, default: []].append(made)
        return made
    }

    /// True where a call on such inputs is a step of training, whose derivative is taken inside: it renews parameters or gradients.
    func trains(_ inputs: [Tensor], _ body: ([Tensor]) -> (leaves: [Tensor], outline: Any)) throws -> Bool {
        lock.lock()
        defer { lock.unlock() }
        let key = key(inputs)
        return try (programs[key]?.first ?? traced(inputs, key, body)).trains
    }

    /// The memory of calls after the first: what a first trace leaves in the state, a second one finds there.
    func memory(
        _ inputs: [Tensor], _ body: ([Tensor]) -> (leaves: [Tensor], outline: Any)
    ) throws -> MemoryForecast {
        let slots = holders.flatMap(\.stateSlots)
        let left = TracedProgram.typesLeft(by: body, inputs, updating: slots)
        let program = try TracedProgram(inputs, updating: slots, assuming: left, body)
        return program.memory(
            inputs,
            holders: holders.map { holder in
                holder.stateSlots.map { ($0, left[ObjectIdentifier($0)] ?? $0.current?.value.type) }
            })
    }

    /// Programs that are kept.
    private static let programBound = 256
}

/// A program with its key.
private final class KeyedProgram {
    let key: CompiledCore.Key
    let program: TracedProgram

    init(_ key: CompiledCore.Key, _ program: TracedProgram) { (self.key, self.program) = (key, program) }
}

/// One trace of a compiled function as a program, with the state that it reads and renews.
private final class TracedProgram {
    /// The function's output as it was traced: its shape as a tree.
    let outline: Any
    private let program: Program
    private let inputCount: Int
    private let reads: [SlotRead]
    private let writes: [SlotWrite]
    /// By output, memory for it that nobody needs any more. Touched under `turn`, empty outside.
    private var spares: [Buffer?]
    private let resultCount: Int
    private let outputTypes: [TensorType]
    /// Where outputs are committed to.
    private let outputDevices: [Device?]
    private let sources: [(position: Int, source: StateRecorder.Source)]
    private let streams: [StateRecorder.Stream]
    private let switches: [(modeSwitch: ModeSwitch, position: Bool)]
    private let agreements: [(StateNumber, StateNumber)]
    /// Held while the slots that are renewed are empty.
    private let turn = Lock()
    private let additions: [(number: StateNumber, total: Double)]
    /// Results of the forward pass that the derivative reads; worked out for forecasts.
    private let activationByteCount: Int

    init(
        _ inputs: [Tensor], updating slots: [StateSlot], assuming assumed: [ObjectIdentifier: TensorType] = [:],
        _ body: ([Tensor]) -> (leaves: [Tensor], outline: Any)
    ) throws {
        let trace = Recording(transformation: "compile")
        defer { trace.discard() }
        let recorder = StateRecorder(updating: slots, assuming: assumed, in: trace)
        var placeholders: [Value] = []
        let (results, outline) = StateRecorder.$local.withValue(StateRecorderBox(recorder)) {
            Recording.with(trace) {
                placeholders = inputs.map { Value.placeholder($0.value.type, device: $0.value.node.device) }
                return body(placeholders.map { Tensor($0) })
            }
        }
        self.outline = outline
        let read = recorder.slots.filter(\.isRead)
        let written = recorder.slots.filter(\.isWritten)
        var outputs = results.map(\.value)
        writes = written.map { state in
            if let tensor = state.tensor { outputs.append(tensor.value) }
            return SlotWrite(state.slot, output: state.tensor == nil ? nil : outputs.count - 1, isRead: state.isRead)
        }
        reads = read.map { SlotRead($0.slot, $0.placeholder?.type, $0.placeholder?.node.device) }
        let leaves = placeholders + read.compactMap(\.placeholder)
        program = try Program(
            inputs: leaves, stateBegin: inputs.count, outputs: outputs, trace: trace, device: .default)
        activationByteCount =
            assumed.isEmpty ? 0 : KeptActivations.byteCount(Trace.nodes(behind: outputs, in: trace))
        inputCount = inputs.count
        resultCount = results.count
        spares = Array(repeating: nil, count: outputs.count)
        outputTypes = outputs.map(\.type)
        outputDevices = outputs.map(\.node.device)
        let positions = program.positions
        sources = recorder.sources.compactMap { made in
            positions[ObjectIdentifier(made.node)].map { ($0, made.source) }
        }
        streams = recorder.streams
        switches = Array(recorder.switches.values)
        agreements = recorder.agreements
        additions = recorder.additions.values.map { ($0.number, $0.total) }
    }

    /// The types in the slots that a call leaves behind, where it writes them.
    static func typesLeft(
        by body: ([Tensor]) -> (leaves: [Tensor], outline: Any), _ inputs: [Tensor], updating slots: [StateSlot]
    ) -> [ObjectIdentifier: TensorType] {
        let trace = Recording(transformation: "compile")
        defer { trace.discard() }
        let recorder = StateRecorder(updating: slots, in: trace)
        StateRecorder.$local.withValue(StateRecorderBox(recorder)) {
            Recording.with(trace) {
                _ = body(inputs.map { Tensor(Value.placeholder($0.value.type, device: $0.value.node.device)) })
            }
        }
        var types: [ObjectIdentifier: TensorType] = [:]
        for state in recorder.slots where state.isWritten {
            if let tensor = state.tensor { types[ObjectIdentifier(state.slot)] = tensor.value.type }
        }
        return types
    }

    /// The memory that a run takes, beside what the holders' slots hold.
    func memory(_ inputs: [Tensor], holders: [[(slot: StateSlot, type: TensorType?)]]) -> MemoryForecast {
        let traced = TracedMemory(
            inputs: inputs, reads: reads.compactMap { read in read.type.map { (read.slot, $0) } },
            writes: writes.map { ($0.slot, $0.output) },
            resultCount: resultCount, activations: activationByteCount)
        return traced.forecast(program.memory, holders: holders)
    }

    var trains: Bool { writes.contains { $0.slot.isTrained } }

    /// True where switches and counts are as they were when this was traced.
    var fits: Bool {
        switches.allSatisfy { $0.modeSwitch.position == $0.position }
            && agreements.allSatisfy { $0.0.current == $0.1.current }
    }

    /// What a run reads; nil where a slot holds something else than when this was traced.
    func leaves(_ inputs: [Tensor]) throws -> [Realized]? {
        var leaves: [Realized] = []
        leaves.reserveCapacity(inputs.count + reads.count)
        for input in inputs { leaves.append(try input.realized(for: program)) }
        // What is renewed unread, as gradients are, need not exist: a failed one is replaced like any other.
        for index in reads.indices {
            // The program holds its slots: no references are counted here.
            unowned(unsafe) let read = reads[index]
            let found = read.slot.current
            guard read.fits(found) else { return nil }
            if let found { leaves.append(try found.realized(for: program)) }
        }
        return leaves
    }

    /// Runs on what `leaves` gave, and may overwrite what nobody else holds of it.
    func run(_ leaves: inout [Realized]) throws -> [Tensor] {
        turn.lock()
        defer { turn.unlock() }
        takeWritten()
        do {
            let results = try program.run(inputs: &leaves, arguments: arguments(), spares: &spares)
            for index in writes.indices { renew(writes[index], results) }
            for addition in additions { addition.number.addOutsideTraces(addition.total) }
            return (0..<resultCount).map {
                Tensor(Value.leaf(results[$0], outputTypes[$0], device: outputDevices[$0]))
            }
        } catch {
            for write in writes {
                write.emptied = nil
                if let output = write.output { spares[output] = nil }
                write.slot.current = write.output.map {
                    Tensor(Value.failed(error, outputTypes[$0], device: outputDevices[$0]))
                }
            }
            throw error
        }
    }

    /// Empties the slots that are written, so that the run holds the last reference to what it replaces. A leaf that nobody else
    /// refers to is kept for the new value, and the memory of one that is not read for an output.
    private func takeWritten() {
        for index in writes.indices {
            // The program holds what it writes: no references are counted here.
            unowned(unsafe) let write = writes[index]
            var leaf = write.slot.take(for: turn)
            guard let old = leaf?.emptyLeaf(ofOrder: write.order) else { continue }
            if !write.isRead, let output = write.output { spares[output] = old.buffer }
            swap(&leaf, &write.emptied)
        }
    }

    /// Puts a result into its slot, as the leaf that stood there where that was taken out.
    private func renew(_ write: SlotWrite, _ results: [Realized]) {
        guard let output = write.output else {
            write.slot.current = nil
            return
        }
        if let leaf = write.emptied.take() {
            leaf.refill(with: results[output])
            write.slot.current = leaf
        } else {
            let made = write.slot.holding(results[output], outputTypes[output], on: outputDevices[output])
            write.order = made.value.node.order
            write.slot.current = made
        }
    }

    /// The numbers of this call: random streams begin where the generator stands, counts and rates are read anew.
    private func arguments() -> [Scalar] {
        var arguments = program.arguments
        var states: [Generator.State] = []
        for stream in streams {
            switch stream.origin {
            case .caller: states.append(Generator.current.advance(by: stream.count))
            case .given: states.append(stream.generator.advance(by: stream.count))
            case .own: states.append(stream.generator.state)
            case .split(let index, let parent, let drawn):
                // What it comes from was met before it.
                states.append(Generator.split(states[parent].advanced(by: drawn), index))
            }
        }
        for (position, source) in sources {
            switch source {
            case .key(let stream, let draw):
                arguments[position] = Scalar(bits: Generator.stream(states[stream].advanced(by: draw)).key)
            case .start(let stream, let draw):
                arguments[position] = Scalar(bits: Generator.stream(states[stream].advanced(by: draw)).start)
            case .number(let number, let added, let transform):
                arguments[position] = Scalar(transform(number.current + added))
            }
        }
        return arguments
    }
}

/// A slot that a traced program reads. Touched under the lock of the function.
private final class SlotRead {
    let slot: StateSlot
    /// The type found there when traced; nil: the slot was empty.
    let type: TensorType?
    private let device: Device?
    /// The value found to fit last, by its node's number, which no other ever has: it fits again.
    private var known: (order: UInt64, result: Int) = (0, 0)

    init(_ slot: StateSlot, _ type: TensorType?, _ device: Device?) {
        (self.slot, self.type, self.device) = (slot, type, device)
    }

    /// True for what a program for `type` and `device` reads.
    func fits(_ found: Tensor?) -> Bool {
        guard let found else { return type == nil }
        unowned(unsafe) let node = found.handle.value.node
        if node.order == known.order, found.handle.value.index == known.result { return true }
        let value = found.value
        guard value.node.device == device, value.type == type else { return false }
        known = (value.node.order, value.index)
        return true
    }
}

/// A slot that a traced program renews. Touched under the program's turn.
private final class SlotWrite {
    let slot: StateSlot
    /// The index of the output that it gets; nil: it is emptied.
    let output: Int?
    /// True where the program reads what stood there.
    let isRead: Bool
    /// The order of the leaf that the program put there last.
    var order: UInt64 = 0
    /// That leaf, while the program makes its new value.
    var emptied: Tensor?

    init(_ slot: StateSlot, output: Int?, isRead: Bool) {
        (self.slot, self.output, self.isRead) = (slot, output, isRead)
    }
}
