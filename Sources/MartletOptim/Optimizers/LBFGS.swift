import MartletGraph
import MartletNN
import MartletTensor

/// L-BFGS: steps by a model of the curvature from the last gradients, for losses without noise.
///
///     d ← -H·g,  H by the two-loop recursion over the last pairs s = p⁺ - p, y = g⁺ - g with y·s > 10⁻¹⁰
///     p ← p + t·d,  t = rate, or where the strong Wolfe conditions hold:
///         f(p + t·d) ≤ f(p) + 10⁻⁴·t·g·d  and  |g(p + t·d)·d| ≤ 0.9·|g·d|
///
/// A step asks for loss and gradient several times, and reads them:
///
///     optimizer.step {
///         let loss = error(model(x), y)
///         loss.backward()
///         return loss
///     }
///
/// All parameters are one group and one vector; weight decay belongs into the closure's loss. `compile` is for the closure's
/// inside, not for the step.
///
/// Source: J. Nocedal and S. Wright, "Numerical optimization" (2006), algorithms 7.5, 3.5 and 3.6, in the form of
/// torch.optim.LBFGS, whose defaults it has.
public final class LBFGS: Optimizer {
    /// The most iterations of a step.
    public let iterations: Int
    /// The most losses that a step asks for.
    public let evaluations: Int
    /// The size of the largest element of the gradient at which a step ends.
    public let gradientTolerance: Double
    /// The change of the loss, or of the largest parameter, below which a step ends.
    public let changeTolerance: Double
    /// Pairs that the model of the curvature remembers.
    public let historySize: Int
    /// True where t is searched for.
    public let searchesLine: Bool
    /// True where steps go up.
    public let maximize: Bool
    private var memory = LBFGSMemory()

    /// An optimizer of all parameters.
    ///
    /// - Parameters:
    ///   - parameters: what is trained.
    ///   - learningRate: the first t of an iteration, and the only one without a line search.
    ///   - iterations: the most iterations of a step.
    ///   - evaluations: the most losses that a step asks for; nil is 5/4 of the iterations.
    ///   - gradientTolerance: the largest element of the gradient at which a step ends.
    ///   - changeTolerance: the change below which a step ends.
    ///   - historySize: pairs that the model of the curvature remembers.
    ///   - searchesLine: whether t is searched for by the strong Wolfe conditions.
    ///   - maximize: whether steps go up.
    public init(
        _ parameters: [Parameter], learningRate: Double = 1, iterations: Int = 20, evaluations: Int? = nil,
        gradientTolerance: Double = 1e-7, changeTolerance: Double = 1e-9, historySize: Int = 100,
        searchesLine: Bool = true, maximize: Bool = false
    ) {
        self.iterations = iterations
        self.evaluations = evaluations ?? iterations * 5 / 4
        (self.gradientTolerance, self.changeTolerance) = (gradientTolerance, changeTolerance)
        (self.historySize, self.searchesLine, self.maximize) = (historySize, searchesLine, maximize)
        super.init([ParameterGroup(parameters, learningRate: learningRate)], stateNames: [])
    }

    /// As often as the line search needs it.
    override public var evaluatesRepeatedly: Bool { true }

    override package func record() { stop("LBFGS.step(): needs the loss again and again; use step { … }") }

    /// A step of up to `iterations` iterations.
    ///
    /// A search along a line needs gradients that belong to their losses: `prepare` is not called.
    @discardableResult
    override public func step(_ closure: () throws -> Tensor, preparing prepare: () -> Void = {}) rethrows -> Tensor {
        let start = groups[0].parameters.map { $0.value.detached() }
        do { return try iterate(closure) } catch {
            put(start)
            throw error
        }
    }

    private func iterate(_ closure: () throws -> Tensor) rethrows -> Tensor {
        let first = try evaluate(closure)
        addStep()
        var (loss, gradient, calls, turn) = (first.loss, first.gradient, 1, 0)
        var isDone = largest(gradient) <= gradientTolerance
        while !isDone, turn < iterations {
            turn += 1
            memory.iterations += 1
            let direction = memory.direction(gradient, historySize: historySize)
            let before = loss
            let isVeryFirst = memory.iterations == 1
            var t = isVeryFirst ? min(1, 1 / number(gradient.abs().sum())) * learningRate : learningRate
            let slope = number(dot(gradient, direction))
            memory.gradient = gradient
            if slope > -changeTolerance { break }
            if searchesLine {
                let start = groups[0].parameters.map { $0.value.detached() }
                let search = StrongWolfe(tolerance: changeTolerance, mostCalls: evaluations - calls)
                let found = try search.run(
                    from: (loss, gradient, slope), firstStep: t, reach: largest(direction)
                ) { t in
                    move(t, direction)
                    let found = try evaluate(closure)
                    put(start)
                    return (found.loss, found.gradient, number(dot(found.gradient, direction)))
                }
                (loss, gradient, t) = (found.loss, found.gradient, found.step)
                calls += found.calls
                move(t, direction)
            } else {
                move(t, direction)
                if turn < iterations {
                    (loss, gradient, _) = try evaluate(closure)
                    calls += 1
                }
            }
            memory.step = t
            isDone =
                calls >= evaluations || largest(gradient) <= gradientTolerance
                || largest(direction) * t.magnitude <= changeTolerance || (loss - before).magnitude < changeTolerance
        }
        return first.value
    }

    // MARK: The parameters as one vector

    private func evaluate(_ closure: () throws -> Tensor) rethrows -> (loss: Double, gradient: Tensor, value: Tensor) {
        zeroGradients()
        let value = try closure().detached()
        let sign: Double = maximize ? -1 : 1
        let parts = groups[0].parameters.map { parameter in
            (parameter.requiresGradient ? parameter.gradient : nil)?.reshape([-1])
                ?? Tensor.zeros([parameter.shape.elementCount], dtype: parameter.dtype)
        }
        let flat = withoutGradient { concatenated(parts, axis: 0) }
        return (sign * number(value), maximize ? withoutGradient { -flat } : flat, value)
    }

    private func move(_ t: Double, _ direction: Tensor) {
        var place = 0
        for parameter in groups[0].parameters {
            let count = parameter.shape.elementCount
            let part = direction.narrow(axis: 0, start: place, count: count)
            if parameter.requiresGradient { parameter.update { $0 + t * part.reshape($0.shape) } }
            place += count
        }
    }

    private func put(_ values: [Tensor]) {
        for (parameter, value) in zip(groups[0].parameters, values) { parameter.slot.tensor = value }
    }

    private func largest(_ vector: Tensor) -> Double { number(vector.abs().max()) }
    private func dot(_ a: Tensor, _ b: Tensor) -> Tensor { (a * b).sum() }
    private func number(_ tensor: Tensor) -> Double { tensor.item(as: Double.self) }

    // MARK: State

    /// The model of the curvature among it: pairs by `curvature.y.index` and `curvature.s.index`.
    override public var state: State {
        var state = super.state
        state.tensors.merge(memory.tensors) { $1 }
        return state
    }

    override public func load(_ state: State) throws(StateDictionaryError) {
        var own = state
        own.tensors = state.tensors.filter { !LBFGSMemory.owns($0.key) }
        let count = groups[0].parameters.reduce(0) { $0 + $1.shape.elementCount }
        let memory = try LBFGSMemory(state.tensors, elementCount: count)
        try super.load(own)
        self.memory = memory
    }
}
