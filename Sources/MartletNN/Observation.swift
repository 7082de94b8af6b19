import MartletGraph
import MartletTensor

/// Sees every layer's call: what summaries and the search for NaN stand on.
public typealias ForwardHook = (_ layer: any Layer, _ input: Tensor, _ output: Tensor) -> Void

/// Sees a layer's input before the layer does; a tensor that it returns is used in its place.
public typealias ForwardPreHook = (_ layer: any Layer, _ input: Tensor) -> Tensor?

/// Sees the gradient of a layer's output as `backward()` reaches it, on the thread that runs `backward()`; a tensor that it
/// returns is used in its place.
public typealias BackwardHook = @Sendable (_ layer: any Layer, _ gradient: Tensor) -> Tensor?

/// Carries hooks through a task-local.
///
/// `@unchecked Sendable`: forward hooks are called on the thread that runs the forward pass.
struct LayerHooks: @unchecked Sendable {
    var before: [ForwardPreHook] = []
    var after: [ForwardHook] = []
    var backward: [BackwardHook] = []
    @TaskLocal static var current: LayerHooks?

    /// Runs `body` with the hooks that are there already and those that `add` appends.
    static func adding<Result>(_ add: (inout LayerHooks) -> Void, _ body: () throws -> Result) rethrows -> Result {
        var hooks = current ?? LayerHooks()
        add(&hooks)
        return try $current.withValue(hooks, operation: body)
    }
}

/// Calls `hook` after every layer that `body` runs, innermost first.
public func withForwardHook<Result>(_ hook: @escaping ForwardHook, _ body: () throws -> Result) rethrows -> Result {
    try LayerHooks.adding({ $0.after.append(hook) }, body)
}

/// Calls `hook` before every layer that `body` runs, outermost first, with the input that the layer is about to see.
///
///     withForwardPreHook { layer, input in layer is Dropout ? input.detached() : nil } _: { model(x) }
public func withForwardPreHook<Result>(
    _ hook: @escaping ForwardPreHook, _ body: () throws -> Result
) rethrows -> Result {
    try LayerHooks.adding({ $0.before.append(hook) }, body)
}

/// Watches the gradients of the outputs of every layer that `body` runs: the hook is called when a `backward()` reaches them,
/// inside `body` or after it, last layer first. A gradient is recorded, not yet computed; reading it in the hook computes it.
///
///     let loss = withBackwardHook { _, gradient in gradient.clipped(low: -1, high: 1) } _: { crossEntropy(model(x), y) }
///     loss.backward()
///
/// Layers whose output needs no gradient are passed by. A gradient of another shape than the output's stops.
public func withBackwardHook<Result>(_ hook: @escaping BackwardHook, _ body: () throws -> Result) rethrows -> Result {
    try LayerHooks.adding({ $0.backward.append(hook) }, body)
}

extension Layer {
    /// Runs a layer's body, and the hooks that watch it. Layers of your own may call it too.
    public func observed(_ x: Tensor, _ body: (Tensor) -> Tensor) -> Tensor {
        if Origin.isWatched { return Origin(LayerPaths.path(of: self)).around { hooked(x, body) } }
        return hooked(x, body)
    }

    private func hooked(_ x: Tensor, _ body: (Tensor) -> Tensor) -> Tensor {
        guard let hooks = LayerHooks.current else { return body(x) }
        var input = x
        for hook in hooks.before { input = hook(self, input) ?? input }
        var output = body(input)
        if !hooks.backward.isEmpty, output.requiresGradient {
            let watch = GradientWatch(LayerGradientWatcher(layer: self, hooks: hooks.backward))
            output = Tensor(Value.make(.composite(CompositeCall(watch)), [output.value]))
        }
        for hook in hooks.after { hook(self, input, output) }
        return output
    }
}

/// Hands the gradient of one call's output to the hooks.
private final class LayerGradientWatcher: GradientWatcher {
    private let layer: any Layer
    private let hooks: [BackwardHook]

    init(layer: any Layer, hooks: [BackwardHook]) { (self.layer, self.hooks) = (layer, hooks) }

    func arrived(_ cotangent: Value) -> Value {
        var gradient = Tensor(cotangent)
        for hook in hooks {
            guard let changed = hook(layer, gradient) else { continue }
            guard changed.shape == gradient.shape else {
                stop(
                    "withBackwardHook: the gradient of \(type(of: layer))'s output has the shape \(gradient.shape), the hook gave \(changed.shape)"
                )
            }
            gradient = changed
        }
        return gradient.value.cast(to: cotangent.dtype)
    }
}

/// The first layer whose output is not finite while `body` runs: its path in `module`, where there is one.
public func firstNonFiniteLayer(of module: some Module, _ body: () -> Void) -> String? {
    let names = Dictionary(
        module.namedModules.map { (ObjectIdentifier($0.module), $0.name) }, uniquingKeysWith: { first, _ in first })
    var found: String?
    withForwardHook { layer, _, output in
        guard found == nil, !output.isFinite().all().item(as: Bool.self) else { return }
        found = names[ObjectIdentifier(layer)] ?? "\(type(of: layer))"
    } _: {
        withoutGradient(body)
    }
    return found
}
