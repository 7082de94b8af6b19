import MartletGraph
import MartletRuntime

/// The part of a compiled function that does not depend on its types: traces, their programs, and the state they renew.
///
/// Everything is touched under `lock`.
final class CompiledCore {
    let lock = Lock()
    private let holders: [any StateHolder]
    private var programs: [Key: [TracedProgram]] = [:]

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
        }
    }

    func key(_ inputs: [Tensor]) -> Key {
        Key(
            inputs: inputs.map { Key.Input(type: $0.value.type, device: $0.value.node.device) }, modes: Modes.current,
            settings: .current)
    }

    /// Runs the program of the key that fits the state, tracing `body` where there is none yet.
    ///
    /// - Returns: the results, and what the trace left for putting them together.
    func run(
        _ key: Key, _ inputs: [Tensor], _ body: ([Tensor]) -> (leaves: [Tensor], outline: Any)
    ) throws -> ([Tensor], outline: Any) {
        if let known = programs[key]?.first(where: { $0.fits }) { return (try known.run(inputs), known.outline) }
        let made = try TracedProgram(inputs, updating: holders.flatMap(\.stateSlots), body)
        // A function whose arguments never come twice in one shape would keep a plan for each.
        if programCount >= Self.programBound { programs = [:] }
        programs[key, default: []].append(made)
        return (try made.run(inputs), made.outline)
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

/// One trace of a compiled function as a program, with the state that it reads and renews.
private final class TracedProgram {
    /// The function's output as it was traced: its shape as a tree.
    let outline: Any
    private let program: Program
    private let inputCount: Int
    /// Slots that are read, with the type and device found there when traced; no type: the slot was empty.
    private let reads: [(slot: StateSlot, type: TensorType?, device: Device?)]
    /// Slots that are renewed, with the index of the output that they get; nil: they are emptied.
    private let writes: [(slot: StateSlot, output: Int?)]
    private let resultCount: Int
    private let outputTypes: [TensorType]
    /// Where outputs are committed to.
    private let outputDevices: [Device?]
    private let sources: [(position: Int, source: StateRecorder.Source)]
    private let draws: [(generator: Generator, count: UInt64, isOwn: Bool)]
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
        let recorder = StateRecorder(updating: slots, assuming: assumed)
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
            guard let tensor = state.tensor else { return (state.slot, nil) }
            outputs.append(tensor.value)
            return (state.slot, outputs.count - 1)
        }
        reads = read.map { ($0.slot, $0.placeholder?.type, $0.placeholder?.node.device) }
        let leaves = placeholders + read.compactMap(\.placeholder)
        program = try Program(
            inputs: leaves, stateBegin: inputs.count, outputs: outputs, trace: trace, device: .default)
        activationByteCount =
            assumed.isEmpty ? 0 : KeptActivations.byteCount(Trace.nodes(behind: outputs, in: trace))
        inputCount = inputs.count
        resultCount = results.count
        outputTypes = outputs.map(\.type)
        outputDevices = outputs.map(\.node.device)
        let positions = program.positions
        sources = recorder.sources.compactMap { node, source in positions[node].map { ($0, source) } }
        draws = recorder.draws.values.map { ($0.generator, $0.count, recorder.isOwn($0.generator)) }
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
        let recorder = StateRecorder(updating: slots)
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
            inputs: inputs, reads: reads.compactMap { read in read.type.map { (read.slot, $0) } }, writes: writes,
            resultCount: resultCount, activations: activationByteCount)
        return traced.forecast(program.memory, holders: holders)
    }

    /// True where slots, switches and counts are as they were when this was traced.
    var fits: Bool {
        switches.allSatisfy { $0.modeSwitch.position == $0.position }
            && agreements.allSatisfy { $0.0.current == $0.1.current }
            && reads.allSatisfy { read in
                guard let found = read.slot.current else { return read.type == nil }
                return found.value.node.device == read.device && found.value.type == read.type
            }
    }

    func run(_ inputs: [Tensor]) throws -> [Tensor] {
        var leaves = try inputs.map { try $0.realized(for: program) }
        // What is renewed unread, as gradients are, need not exist: a failed one is replaced like any other.
        for read in reads where read.type != nil {
            if let realized = try read.slot.current?.realized(for: program) { leaves.append(realized) }
        }
        // Written slots are emptied before the run, so that it holds the last reference to what it replaces.
        turn.lock()
        defer { turn.unlock() }
        for write in writes { write.slot.take(for: turn) }
        do {
            let results = try program.run(inputs: &leaves, arguments: arguments())
            for write in writes {
                write.slot.current = write.output.map {
                    write.slot.holding(results[$0], outputTypes[$0], on: outputDevices[$0])
                }
            }
            for addition in additions { addition.number.current += addition.total }
            return (0..<resultCount).map {
                Tensor(Value.leaf(results[$0], outputTypes[$0], device: outputDevices[$0]))
            }
        } catch {
            for write in writes {
                write.slot.current = write.output.map {
                    Tensor(Value.failed(error, outputTypes[$0], device: outputDevices[$0]))
                }
            }
            throw error
        }
    }

    /// The numbers of this call: random streams begin where the generator stands, counts and rates are read anew.
    private func arguments() -> [Scalar] {
        var arguments = program.arguments
        let states = draws.map { $0.isOwn ? $0.generator.state : $0.generator.advance(by: $0.count) }
        func stream(_ generator: Generator, _ draw: UInt64) -> (key: UInt64, start: UInt64) {
            let index = draws.firstIndex { $0.generator === generator } ?? 0
            var state = states[index]
            state.draws += draw
            return Generator.stream(state)
        }
        for (position, source) in sources {
            switch source {
            case .key(let generator, let draw): arguments[position] = Scalar(bits: stream(generator, draw).key)
            case .start(let generator, let draw): arguments[position] = Scalar(bits: stream(generator, draw).start)
            case .number(let number, let added, let transform):
                arguments[position] = Scalar(transform(number.current + added))
            }
        }
        return arguments
    }
}
