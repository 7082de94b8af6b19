import MartletGraph
import MartletRuntime

/// A function as a fixed plan: traced once for each kind of arguments, from then on only run.
///
/// State (parameters, buffers, gradients, an optimizer's moments, rates and counts) that the closure changes must be
/// reachable from `updating`; each call reads it anew and writes it back, in place where nobody else holds the old value.
/// Random numbers are drawn anew in each call, from the generator of the task that calls. Other tensors that the closure reads are
/// taken as they are when it is traced; other modules' parameters are read at each call.
///
/// Results have no history: a `backward()` belongs inside the closure. Only where an argument has one (it is being differentiated,
/// or was computed from parameters) and the closure renews no parameter and no gradient does a call run the closure itself, as if it
/// were not compiled, so that the derivative flows through it. A step of training takes such an argument for its numbers alone.
///
/// A call stops where a kernel fails or memory is missing; `try step.run(x, y)` throws instead. Then everything that the call
/// would have renewed throws when it is read, until a saved state is loaded.
///
/// Inside, values are not known: reading one (`item()`, `print`, `if`) stops and says so.
///
///     let step = compile(updating: model, optimizer) { (x: Tensor, y: Tensor) in
///         optimizer.zeroGradients()
///         let loss = crossEntropy(model(x), y)
///         loss.backward()
///         optimizer.step()
///         return loss
///     }
public func compile<each State: StateHolder, each Input: TensorTree, Output: TensorTree>(
    updating state: repeat each State, function body: @escaping (repeat each Input) -> Output
) -> CompiledFunction<repeat each Input, Output> {
    var holders: [any StateHolder] = []
    repeat holders.append(each state)
    return CompiledFunction(updating: holders, body)
}

/// What `compile` gives: called like the closure it was made from.
public final class CompiledFunction<each Input: TensorTree, Output: TensorTree> {
    let core: CompiledCore
    let body: (repeat each Input) -> Output

    init(updating holders: [any StateHolder], _ body: @escaping (repeat each Input) -> Output) {
        core = CompiledCore(holders)
        self.body = body
    }

    /// Runs the plan. Failing kernels and missing memory stop; `run` throws them.
    public func callAsFunction(_ inputs: repeat each Input) -> Output {
        do { return try run(repeat each inputs) } catch { stop("compile: \(error)") }
    }

    /// Runs the plan, throwing what went wrong: then everything the call would have renewed is marked as failed.
    public func run(_ inputs: repeat each Input) throws -> Output {
        // Inside another transformation the closure is simply part of that one's graph.
        if Recording.current.isTrace { return body(repeat each inputs) }
        var leaves: [Tensor] = []
        for input in repeat each inputs { input.appendLeaves(to: &leaves) }
        // A plan's results have no history, and here one may be asked for.
        if CompiledCore.areDifferentiated(leaves), try !core.trains(leaves, { traced($0, repeat each inputs) }) {
            return body(repeat each inputs)
        }
        let (results, outline) = try core.call(leaves) { traced($0, repeat each inputs) }
        guard let outline = outline as? Output else { stop("compile: the closure was not traced") }
        var rest = results[...]
        return outline.replacing(&rest)
    }

    /// The closure's output on placeholders in the inputs' places.
    private func traced(_ placeholders: [Tensor], _ inputs: repeat each Input) -> (leaves: [Tensor], outline: Any) {
        var rest = placeholders[...]
        let output = body(repeat (each inputs).replacing(&rest))
        return (output.leaves, output)
    }
}

extension CompiledFunction {
    /// The number of plans made so far.
    package var planCount: Int { core.lock.withLock { core.programCount } }
}
