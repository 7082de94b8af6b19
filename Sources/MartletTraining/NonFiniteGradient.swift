import MartletGraph
import MartletNN
import MartletTensor

/// Where a backward pass first gave numbers that are not finite, though every layer's output may have been.
public struct NonFiniteGradient: Equatable, Sendable, CustomStringConvertible {
    /// What was not finite.
    public enum Place: String, Sendable {
        /// The gradient of a layer's output.
        case output
        /// The gradient of a parameter, where those of all outputs were finite.
        case parameter
    }
    /// What was not finite.
    public let place: Place
    /// The layer's or the parameter's path.
    public let name: String
    /// The layer that ran after it, whose output's gradient was still finite: its derivative gave the numbers, or that of what
    /// lies between the two. Nil where no layer did, but the loss; of a parameter its own layer.
    public let source: String?

    package init(place: Place, name: String, source: String?) {
        (self.place, self.name, self.source) = (place, name, source)
    }

    /// One line.
    public var description: String {
        let tensor = place == .output ? "the output of \(name)" : name
        return "the gradient of \(tensor) is the first that is not finite; look at the derivative of "
            + (source ?? "the loss")
    }
}

/// The first gradient that is not finite in the backward pass of a loss, counted from the loss; nil where all are.
///
/// Beside `firstNonFiniteLayer(of:_:)`, which looks at outputs only: √x at 0 has a finite value and an infinite derivative.
/// Gradients that were collected before are kept, and none are added. Reads each layer's gradient: for searching, not for
/// training.
///
/// - Parameters:
///   - module: whose layers and parameters are named.
///   - loss: the forward pass, to a scalar.
public func firstNonFiniteGradient(of module: some Module, _ loss: () -> Tensor) -> NonFiniteGradient? {
    let names = Dictionary(
        module.namedModules.map { (ObjectIdentifier($0.module), $0.name) }, uniquingKeysWith: { first, _ in first })
    let before = module.parameters.map { ($0, $0.gradient) }
    defer { for (parameter, gradient) in before { parameter.gradient = gradient } }
    module.zeroGradients()
    let search = GradientSearch()
    let result = withBackwardHook { layer, gradient in
        search.look(names[ObjectIdentifier(layer)] ?? "\(type(of: layer))", gradient)
        return nil
    } _: {
        loss()
    }
    result.backward()
    if let found = search.found {
        return NonFiniteGradient(place: .output, name: found.name, source: found.before)
    }
    let parameters = module.namedParameters.reversed()
    let bad = parameters.first { $0.parameter.gradient.map { !$0.isFinite().all().item(as: Bool.self) } ?? false }
    return bad.map { name, _ in
        let owner = name.lastIndex(of: ".").map { String(name[..<$0]) }
        return NonFiniteGradient(place: .parameter, name: name, source: owner ?? "\(type(of: module))")
    }
}

/// What the hooks have seen, from the loss backwards.
///
/// `@unchecked Sendable`: touched under `lock` only.
private final class GradientSearch: @unchecked Sendable {
    private let lock = Lock()
    private var last: String?
    private var first: (name: String, before: String?)?

    var found: (name: String, before: String?)? { lock.withLock { first } }

    func look(_ name: String, _ gradient: Tensor) {
        if found != nil { return }
        let isFinite = gradient.isFinite().all().item(as: Bool.self)
        lock.withLock {
            if !isFinite { first = (name, last) }
            last = name
        }
    }
}
