import MartletGraph
import MartletTensor

/// Sees every layer's call: what hooks, summaries and the search for NaN stand on.
public typealias ForwardHook = (_ layer: any Layer, _ input: Tensor, _ output: Tensor) -> Void

/// Carries hooks through a task-local.
///
/// `@unchecked Sendable`: hooks are called on the thread that runs the forward pass.
struct ForwardHooks: @unchecked Sendable {
    let hooks: [ForwardHook]
    @TaskLocal static var current: ForwardHooks?
}

/// Calls `hook` after every layer that `body` runs, innermost first.
public func withForwardHook<Result>(_ hook: @escaping ForwardHook, _ body: () throws -> Result) rethrows -> Result {
    let outer = ForwardHooks.current?.hooks ?? []
    return try ForwardHooks.$current.withValue(ForwardHooks(hooks: outer + [hook]), operation: body)
}

extension Layer {
    /// Runs a layer's body, and the hooks that watch it. Layers of your own may call it too.
    public func observed(_ x: Tensor, _ body: (Tensor) -> Tensor) -> Tensor {
        let output = body(x)
        if let hooks = ForwardHooks.current { for hook in hooks.hooks { hook(self, x, output) } }
        return output
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
