import MartletGraph

/// What a compiled function's trace notes besides the graph: numbers that change from call to call (random streams,
/// learning rates, counts) become arguments that are worked out anew each time.
package final class StateRecorder {
    /// Where an argument comes from in each call.
    package enum Source {
        /// The key, or the start, of a draw from one of the `streams`, counted from where it stands when the call begins.
        case key(stream: Int, draw: UInt64)
        case start(stream: Int, draw: UInt64)
        /// A function of a number's value at the start of the call and what the call had added by then.
        case number(StateNumber, added: Double, (Double) -> Double)
    }

    /// The trace. What stands for state is recorded in it, also where a `vmap` inside has a trace of its own at the moment: that one
    /// meets it as a value from outside, and it stays the node that is noted here.
    private let recording: Recording
    /// Constant nodes of the trace with the source of their argument.
    package private(set) var sources: [(node: Node, source: Source)] = []
    /// The generators that the trace met, in order.
    package private(set) var streams: [Stream] = []
    package private(set) var additions: [ObjectIdentifier: (number: StateNumber, total: Double)] = [:]
    /// The slots that the trace has met, in order.
    package private(set) var slots: [SlotState] = []
    private var indexOfSlot: [ObjectIdentifier: Int] = [:]
    /// The switches that the trace asked, with what they said.
    package private(set) var switches: [ObjectIdentifier: (modeSwitch: ModeSwitch, position: Bool)] = [:]
    /// Numbers that the trace found equal and used one for the other.
    package private(set) var agreements: [(StateNumber, StateNumber)] = []
    /// The generator of the task that traces: each call has its own in its place.
    private let callersGenerator = Generator.current
    /// The slots that may be written.
    private let writable: Set<ObjectIdentifier>
    /// What slots are taken to hold that are still empty, for a forecast of later calls.
    private let assumed: [ObjectIdentifier: TensorType]

    /// A generator as a trace sees it.
    package struct Stream {
        /// Where it stands when a call begins.
        package enum Origin {
            /// Where the generator of the task that calls stands.
            case caller
            /// Where it stands itself.
            case given
            /// Where it stood when it was made inside the function: every call begins it anew.
            case own
            /// Split, by an index, from another of the streams after so many draws.
            case split(UInt64, from: Int, after: UInt64)
        }
        package let generator: Generator
        package let origin: Origin
        /// The draws of a call.
        package var count: UInt64 = 0
    }

    /// A slot as a trace sees it.
    package struct SlotState {
        package let slot: StateSlot
        /// What stood in the slot was read before anything was written.
        package var isRead = false
        /// Stands for what the slot held when the call began; nil where it was empty or is not read.
        package var placeholder: Value?
        /// What the slot holds by now, where it was read or written.
        package var tensor: Tensor?
        package var isWritten = false
    }

    package init(
        updating slots: [StateSlot] = [], assuming assumed: [ObjectIdentifier: TensorType] = [:],
        in recording: Recording = Recording.current
    ) {
        writable = Set(slots.map { ObjectIdentifier($0) })
        self.assumed = assumed
        self.recording = recording
    }

    package func read(_ slot: StateSlot) -> Tensor? {
        let index = index(of: slot)
        if !slots[index].isRead, !slots[index].isWritten {
            slots[index].isRead = true
            Recording.with(recording) {
                let placeholder =
                    slot.current.map { Value.placeholder($0.value.type, device: $0.value.node.device) }
                    ?? assumed[ObjectIdentifier(slot)].map { Value.placeholder($0) }
                slots[index].placeholder = placeholder
                slots[index].tensor = placeholder.map { slot.leaf(Tensor($0)) }
            }
        }
        return slots[index].tensor
    }

    package func write(_ tensor: Tensor?, to slot: StateSlot) {
        guard writable.contains(ObjectIdentifier(slot)) else {
            stop("compile: something outside updating: was written inside the compiled function; name its owner there")
        }
        let index = index(of: slot)
        slots[index].tensor = tensor
        slots[index].isWritten = true
    }

    package func note(_ modeSwitch: ModeSwitch, _ position: Bool) {
        switches[ObjectIdentifier(modeSwitch)] = (modeSwitch, position)
    }

    package func begin(_ generator: Generator) { streams.append(Stream(generator: generator, origin: .own)) }

    /// A generator that every call splits anew from where its parent then stands.
    package func begin(_ generator: Generator, splitFrom parent: Generator, _ index: UInt64) {
        let known = stream(of: parent)
        let origin = Stream.Origin.split(index, from: known, after: streams[known].count)
        streams.append(Stream(generator: generator, origin: origin))
    }

    /// Its place among the streams, which hold it, so that no other generator takes its place in memory.
    private func stream(of generator: Generator) -> Int {
        if let known = streams.firstIndex(where: { $0.generator === generator }) { return known }
        streams.append(Stream(generator: generator, origin: generator === callersGenerator ? .caller : .given))
        return streams.count - 1
    }

    private func index(of slot: StateSlot) -> Int {
        if let known = indexOfSlot[ObjectIdentifier(slot)] { return known }
        indexOfSlot[ObjectIdentifier(slot)] = slots.count
        slots.append(SlotState(slot: slot))
        return slots.count - 1
    }

    @TaskLocal package static var local: StateRecorderBox?
    package static var current: StateRecorder? { local?.recorder }

    package func nextStream(of generator: Generator) -> (key: Value, start: Value) {
        let stream = stream(of: generator)
        let draw = streams[stream].count
        streams[stream].count += 1
        let (key, start) = Recording.with(recording) { (Value.scalar(integer: 0), Value.scalar(integer: 0)) }
        sources.append((node: key.node, source: .key(stream: stream, draw: draw)))
        sources.append((node: start.node, source: .start(stream: stream, draw: draw)))
        return (key, start)
    }

    package func read(_ number: StateNumber, _ transform: @escaping (Double) -> Double) -> Value {
        let value = Recording.with(recording) { Value.scalar(0, dtype: .float64) }
        let added = additions[ObjectIdentifier(number)]?.total ?? 0
        sources.append((node: value.node, source: .number(number, added: added, transform)))
        return value
    }

    /// True where two numbers stand at the same value here; the trace is for calls that find them so again.
    func agree(_ first: StateNumber, _ second: StateNumber) -> Bool {
        let added = additions[ObjectIdentifier(first)]?.total ?? 0
        guard first.current == second.current, added == additions[ObjectIdentifier(second)]?.total ?? 0 else {
            return false
        }
        agreements.append((first, second))
        return true
    }

    package func add(_ amount: Double, to number: StateNumber) {
        let total = additions[ObjectIdentifier(number)]?.total ?? 0
        additions[ObjectIdentifier(number)] = (number, total + amount)
    }
}

/// Carries the recorder through a task-local.
///
/// `@unchecked Sendable`: a trace runs on one thread; the box is set and read there only.
package struct StateRecorderBox: @unchecked Sendable {
    package let recorder: StateRecorder
    package init(_ recorder: StateRecorder) { self.recorder = recorder }
}

/// A number of an optimizer's that changes from step to step: a rate that a schedule sets, a count of steps.
///
/// Read as a scalar value it is an argument of the plan, so that another number does not plan again; inside `compile` it
/// is read anew in every call.
///
/// `@unchecked Sendable`: the number is touched under `lock` only.
public final class StateNumber: @unchecked Sendable {
    private let lock = Lock()
    private var number: Double

    package init(_ number: Double) { self.number = number }

    package var current: Double {
        get { lock.withLock { number } }
        set {
            if StateRecorder.current != nil {
                stop(
                    "compile: a learning rate or a count was set inside the compiled function, where it would be set once, when "
                        + "it is traced; set it before the call")
            }
            lock.withLock { number = newValue }
        }
    }

    /// A function of the number as a float64 scalar.
    package func value(_ transform: @escaping (Double) -> Double = { $0 }) -> Value {
        StateRecorder.current?.read(self, transform) ?? Value.scalar(transform(current), dtype: .float64)
    }

    /// True where both stand at the same value, so that one may be read for the other.
    package func agrees(with other: StateNumber) -> Bool {
        if self === other { return true }
        return StateRecorder.current?.agree(self, other) ?? (current == other.current)
    }

    /// Adds to the number, once a call where it happens inside a compiled function.
    package func add(_ amount: Double) {
        if let recorder = StateRecorder.current {
            recorder.add(amount, to: self)
        } else {
            addOutsideTraces(amount)
        }
    }

    /// Adds to the number where nothing is traced.
    func addOutsideTraces(_ amount: Double) {
        lock.withLock { number += amount }
    }
}
