import MartletGraph
import MartletTensor

/// A network or a part of one: a tree of parameters, buffers and modules, held in `let` properties, with any call signature.
///
/// Parameters are found by name through the properties, so that a class of your own needs nothing but them:
///
///     final class Net: Module {
///         let fc1 = Linear(784, 128)
///         let fc2 = Linear(128, 10)
///         func callAsFunction(_ x: Tensor) -> Tensor { fc2(relu(fc1(x))) }
///     }
public protocol Module: AnyObject, Sendable, StateHolder {
    /// The module's own parameters, buffers, modules and lists of modules, by name; by default its stored properties.
    var members: [(name: String, value: Any)] { get }
}

/// A module that maps one tensor to one: what `Sequential` is made of.
public protocol Layer: Module {
    /// The layer's output for `x`.
    func callAsFunction(_ x: Tensor) -> Tensor
}

/// A layer that behaves differently in training: `train()` and `eval()` set its switch.
public protocol ModeDependent: Module {
    /// Training or evaluation, as `train()` and `eval()` set it.
    var mode: ModeSwitch { get }
}

extension Module {
    /// The stored properties with their names, those of superclasses after the class' own.
    public var members: [(name: String, value: Any)] {
        var found: [(name: String, value: Any)] = []
        var mirror: Mirror? = Mirror(reflecting: self)
        while let current = mirror {
            found += current.children.compactMap { child in child.label.map { ($0, child.value) } }
            mirror = current.superclassMirror
        }
        return found
    }

    /// Every module of the tree with its path, this one first under the empty path.
    public var namedModules: [(name: String, module: any Module)] { ModuleTree(self).modules }

    /// Every parameter with its path (`layer1.0.conv1.weight`), shared ones under each of their names.
    public var namedParameters: [(name: String, parameter: Parameter)] { ModuleTree(self).parameters }

    /// Every parameter once, in the order of the properties.
    public var parameters: [Parameter] {
        var seen = Set<ObjectIdentifier>()
        return namedParameters.map(\.parameter).filter { seen.insert(ObjectIdentifier($0)).inserted }
    }

    /// Every buffer with its path: tensors that are saved but not trained.
    public var namedBuffers: [(name: String, buffer: ModuleBuffer)] { ModuleTree(self).buffers }

    /// The number of elements in all parameters.
    public var parameterCount: Int { parameters.reduce(0) { $0 + $1.shape.elementCount } }

    /// Every parameter's value and gradient, and every buffer.
    public var stateSlots: [StateSlot] {
        parameters.flatMap { [$0.slot, $0.box.slot] } + namedBuffers.map(\.buffer.slot)
    }
    /// None: a module has no changing numbers.
    public var stateNumbers: [StateNumber] { [] }
    /// The switch of every layer in the tree that behaves differently in training.
    public var modeSwitches: [ModeSwitch] {
        namedModules.compactMap { ($0.module as? any ModeDependent)?.mode }
    }

    /// Puts every layer into training mode: dropout drops, batch normalisation uses and follows the batch.
    @discardableResult
    public func train(_ isTraining: Bool = true) -> Self {
        for mode in modeSwitches { mode.isTraining = isTraining }
        return self
    }

    /// Puts every layer into evaluation mode.
    @discardableResult
    public func eval() -> Self { train(false) }

    /// Moves parameters and buffers to a device.
    @discardableResult
    public func to(_ device: Device) -> Self {
        withoutGradient {
            for parameter in parameters where !parameter.value.isCommitted(to: device) {
                parameter.update { $0.to(device) }
            }
            for (_, buffer) in namedBuffers where !buffer.value.isCommitted(to: device) {
                buffer.value = buffer.value.to(device)
            }
        }
        return self
    }

    /// Converts floating-point parameters, their gradients and buffers to another floating-point type.
    ///
    ///     model.to(dtype: .float64)
    @discardableResult
    public func to(dtype: DataType) -> Self {
        guard dtype.isFloatingPoint else { stop("Module.to(dtype: \(dtype)): a floating-point type is expected") }
        withoutGradient {
            for parameter in parameters { parameter.convert(to: dtype) }
            for (_, buffer) in namedBuffers where buffer.value.dtype.isFloatingPoint {
                buffer.value = buffer.value.to(dtype: dtype)
            }
        }
        return self
    }

    /// Stops training the parameters: no gradients are computed for them and optimizers pass them by.
    @discardableResult
    public func freeze(_ isFrozen: Bool = true) -> Self {
        for parameter in parameters { parameter.requiresGradient = !isFrozen }
        return self
    }

    /// Forgets collected gradients.
    public func zeroGradients() {
        for parameter in parameters { parameter.gradient = nil }
    }
}

/// A tensor that belongs to a module but is not trained: running statistics, counts.
public final class ModuleBuffer: Sendable {
    /// The name in state dictionaries.
    public let name: String
    package let slot: StateSlot

    /// A buffer with its name in state dictionaries and its first value.
    public init(_ name: String, _ value: Tensor) {
        self.name = name
        slot = StateSlot(value)
    }

    /// The tensor now; a new value is kept without its gradient.
    public var value: Tensor {
        get {
            guard let tensor = slot.tensor else { stop("ModuleBuffer \(name): there is no value") }
            return tensor
        }
        set { slot.tensor = newValue.detached() }
    }
}

/// A walk over a module's properties.
private struct ModuleTree {
    var modules: [(name: String, module: any Module)] = []
    var parameters: [(name: String, parameter: Parameter)] = []
    var buffers: [(name: String, buffer: ModuleBuffer)] = []

    init(_ root: any Module) {
        add(root, "")
        if Origin.isWatched { LayerPaths.note(modules) }
    }

    private mutating func add(_ module: any Module, _ path: String) {
        modules.append((path, module))
        for (name, value) in module.members { add(value, path.isEmpty ? name : "\(path).\(name)", owner: path) }
    }

    private mutating func add(_ value: Any, _ path: String, owner: String) {
        switch value {
        case let parameter as Parameter: parameters.append((path, parameter))
        case let buffer as ModuleBuffer:
            buffers.append((owner.isEmpty ? buffer.name : "\(owner).\(buffer.name)", buffer))
        case let module as any Module: add(module, path)
        case let list as [Any]:
            for (index, element) in list.enumerated() { add(element, "\(path).\(index)", owner: owner) }
        default:
            // A module that may be missing: `let downsample: Sequential?`.
            let mirror = Mirror(reflecting: value)
            if mirror.displayStyle == .optional, let some = mirror.children.first {
                add(some.value, path, owner: owner)
            }
        }
    }
}
