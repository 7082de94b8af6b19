import MartletTensor

/// Everything that training changes, to be put back bit by bit.
///
/// Tensors are held, not copied: a step that would overwrite one in place makes a new one while it is held.
struct StateSnapshot {
    private let slots: [(slot: StateSlot, tensor: Tensor?)]
    private let numbers: [(number: StateNumber, value: Double)]
    private let modes: [(mode: ModeSwitch, isOn: Bool)]
    private let generator: (Generator, Generator.State)

    /// The state of these holders, of layers' modes and of the current generator.
    init(_ holders: [any StateHolder], modes: [ModeSwitch]) {
        slots = holders.flatMap(\.stateSlots).map { ($0, $0.current) }
        numbers = holders.flatMap(\.stateNumbers).map { ($0, $0.current) }
        self.modes = modes.map { ($0, $0.position) }
        generator = (Generator.current, Generator.current.state)
    }

    func restore() {
        for (slot, tensor) in slots { slot.current = tensor }
        for (number, value) in numbers { number.current = value }
        for (mode, isOn) in modes { mode.isOn = isOn }
        generator.0.state = generator.1
    }
}
