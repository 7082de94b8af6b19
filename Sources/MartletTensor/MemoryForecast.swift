import MartletCPU
import MartletGraph
import MartletRuntime

/// The memory that a step takes, known from its plan before a kernel has run; in bytes, as the device's pool counts them.
///
/// The pool rounds requests up to an eighth of the next power of two. Kernels' own scratch on a thread's stack or heap, and the
/// program itself, are outside it.
public struct MemoryForecast: Sendable, Equatable {
    /// The arguments of the call.
    public internal(set) var inputs = 0
    /// Parameters; twice where the step cannot renew them in place.
    public internal(set) var parameters = 0
    /// The gradients that `backward()` collects.
    public internal(set) var gradients = 0
    /// For each of `updating`, in order, what it holds besides: a model's buffers, an optimizer's moments.
    public internal(set) var state: [Int] = []
    /// What the call returns.
    public internal(set) var results = 0
    /// Values that the closure took from outside when it was traced.
    public internal(set) var captured = 0
    /// The arena of temporaries at its largest: activations, gradients of activations.
    public internal(set) var temporaries = 0
    /// Of the temporaries, results of the forward pass that the derivative reads: they live from one to the other.
    public internal(set) var activations = 0
    /// Weights in the layouts that kernels want, kept from call to call in inference.
    public internal(set) var packedWeights = 0
    /// What one kernel leases for itself, at most.
    public internal(set) var workspace = 0

    /// The most that is in use at one time during a call, the first call left out: the sum of all of it.
    public var peak: Int {
        inputs + parameters + gradients + state.reduce(0, +) + results + captured + temporaries + packedWeights
            + workspace
    }
}

extension CompiledFunction {
    /// The memory that calls with such arguments will take, once the first one has made the optimizer's state. The closure is
    /// traced and planned; nothing is computed, and arguments that were not computed yet (`Tensor.zeros`) stay so.
    ///
    /// Throws where the closure cannot be planned.
    ///
    ///     let forecast = try step.memory(Tensor.zeros([64, 1, 28, 28]), Tensor.zeros([64], dtype: .int64))
    ///     print(forecast.peak)
    public func memory(_ inputs: repeat each Input) throws -> MemoryForecast {
        var leaves: [Tensor] = []
        for input in repeat each inputs { leaves += input.leaves }
        return try core.memory(leaves) { placeholders in
            var rest = placeholders[...]
            let output = body(repeat (each inputs).replacing(&rest))
            return (output.leaves, output)
        }
    }
}

/// What a trace is known to read and write, for a forecast.
struct TracedMemory {
    let inputs: [Tensor]
    /// Slots that are read, with their types; those that are written, with the output that they get.
    let reads: [(slot: StateSlot, type: TensorType)]
    let writes: [(slot: StateSlot, output: Int?)]
    let resultCount: Int
    let activations: Int

    /// Puts together what a run takes.
    ///
    /// - Parameter held: for each holder its slots with what they hold by then, where it is known.
    func forecast(_ plan: PlanMemory, holders: [[(slot: StateSlot, type: TensorType?)]]) -> MemoryForecast {
        let backend = CPUBackend.shared
        func size(_ type: TensorType) -> Int { backend.footprint(byteCount: type.byteCount) }
        var forecast = MemoryForecast()
        forecast.state = holders.map { _ in 0 }
        let places = SlotPlaces(holders.map { $0.map(\.slot) })
        forecast.inputs = inputs.reduce(0) { $0 + size($1.value.type) }
        let touched = Set((reads.map(\.slot) + writes.map(\.slot)).map { ObjectIdentifier($0) })
        for read in reads { places.add(size(read.type), of: read.slot, to: &forecast) }
        var met = Set<ObjectIdentifier>()
        for (slot, type) in holders.joined() where met.insert(ObjectIdentifier(slot)).inserted {
            // What the step leaves alone is there all the same.
            if let type, !touched.contains(ObjectIdentifier(slot)) { places.add(size(type), of: slot, to: &forecast) }
        }
        for (result, byteCount) in plan.made {
            if result < resultCount {
                forecast.results += byteCount
            } else if let write = writes.first(where: { $0.output == result }) {
                places.add(byteCount, of: write.slot, to: &forecast)
            }
        }
        forecast.captured = plan.captured
        forecast.temporaries = plan.temporaries
        forecast.activations = min(activations, plan.temporaries)
        forecast.packedWeights = plan.packed
        forecast.workspace = plan.workspace
        return forecast
    }
}

/// What each slot of some holders is.
private struct SlotPlaces {
    private enum Place {
        case parameter
        case gradient
        case state(holder: Int)
    }
    private var places: [ObjectIdentifier: Place] = [:]

    init(_ holders: [[StateSlot]]) {
        for (index, slots) in holders.enumerated() {
            for slot in slots where places[ObjectIdentifier(slot)] == nil {
                places[ObjectIdentifier(slot)] = slot.box == nil ? .state(holder: index) : .parameter
            }
        }
        for box in holders.joined().compactMap(\.box) { places[ObjectIdentifier(box.slot)] = .gradient }
    }

    /// A slot that no holder lists is another module's parameter, which the closure reads.
    func add(_ byteCount: Int, of slot: StateSlot, to forecast: inout MemoryForecast) {
        switch places[ObjectIdentifier(slot)] {
        case .parameter, nil: forecast.parameters += byteCount
        case .gradient: forecast.gradients += byteCount
        case .state(let holder): forecast.state[holder] += byteCount
        }
    }
}

/// Results of the forward pass that a derivative reads.
enum KeptActivations {
    /// Their bytes, each once; a view counts as what it looks at, and what costs nothing to make again not at all.
    static func byteCount(_ nodes: [Node]) -> Int {
        var met = Set<Kept>()
        var total = 0
        for reader in nodes where !reader.isDifferentiable {
            for operand in reader.operands {
                let base = source(of: operand)
                guard base.node.isDifferentiable, base.node.leaf == nil,
                    met.insert(Kept(node: ObjectIdentifier(base.node), index: base.index)).inserted
                else { continue }
                total += base.type.byteCount
            }
        }
        return total
    }

    private struct Kept: Hashable {
        let node: ObjectIdentifier
        let index: Int
    }

    private static func source(of value: Value) -> Value {
        var value = value
        while value.node.primitive.isView, let operand = value.node.operands.first { value = operand }
        return value
    }
}

extension Primitive {
    /// True for what becomes strides over its operand's memory.
    fileprivate var isView: Bool {
        switch self {
        case .alias, .reshape, .permute, .expand, .slice, .flip: true
        case .leaf, .placeholder, .constant, .iota, .randomBits, .unary, .binary, .select, .cast, .updateSlice,
            .concatenate, .gather, .scatter, .indexSelect, .indexAdd, .sort, .reduce, .argReduce, .cumulativeSum,
            .matmul, .convolution, .convolutionInputGradient, .convolutionWeightGradient, .maxPool, .averagePool,
            .averagePoolGradient, .linearAlgebra, .composite, .copy, .collective:
            false
        }
    }
}
