import MartletGraph
import MartletNN
import MartletTensor

/// SAM: sharpness-aware minimisation. The gradient is taken where the loss is worst nearby, and the step where one is.
///
///     e = ρ · g / ‖g‖₂,  ‖g‖₂ over all parameters    adaptive: e = ρ · p²·g / ‖p·g‖₂
///     p ← what the wrapped optimizer makes of p with the gradient at p + e
///
/// A step takes two gradients:
///
///     optimizer.step {
///         let loss = crossEntropy(model(x), y)
///         loss.backward()
///         return loss
///     }
///
/// or, for a closure that `compile` takes, `ascend()` after the first `backward()` and `step()` after the second.
///
/// Sources: P. Foret et al., "Sharpness-aware minimization for efficiently improving generalization" (2021); adaptive:
/// J. Kwon et al., "ASAM" (2021).
public final class SAM: Optimizer {
    /// What takes the steps.
    public let base: Optimizer
    /// ρ: the distance to the worse place.
    public let radius: Double
    /// True where the distance is measured relative to each weight.
    public let adaptive: Bool
    /// Between `ascend()` and `step()`: where each parameter was.
    private let places: [StateSlot]

    /// An optimizer around another, which must not be stepped by itself from then on.
    public init(_ base: Optimizer, radius: Double = 0.05, adaptive: Bool = false) {
        (self.base, self.radius, self.adaptive) = (base, radius, adaptive)
        places = base.groups.flatMap(\.parameters).map { _ in StateSlot() }
        super.init(base.groups, stateNames: [], settings: nil)
    }

    private var parameters: [Parameter] { groups.flatMap(\.parameters) }

    /// Goes to the worse place that the gradients show, and forgets them: the next `backward()` gives the step's.
    public func ascend() {
        withoutGradient {
            let found = zip(parameters, places).compactMap { parameter, place in
                parameter.requiresGradient ? parameter.gradient.map { (parameter, place, $0) } : nil
            }
            guard !found.isEmpty else { return }
            guard places.allSatisfy({ $0.tensor == nil }) else {
                stop("SAM.ascend(): went up already; step() goes back")
            }
            func direction(_ parameter: Parameter, _ gradient: Tensor) -> Tensor {
                adaptive ? parameter.value.detached().square() * gradient : gradient
            }
            let squares = found.map { parameter, _, gradient in
                (adaptive ? parameter.value.detached() * gradient : gradient).square().sum()
            }
            let norm = squares.dropFirst().reduce(squares[0], +).sqrt()
            let scale = radius / (norm + 1e-12)
            for (parameter, place, gradient) in found {
                place.tensor = parameter.value.detached()
                parameter.update { $0 + scale * direction(parameter, gradient) }
            }
        }
        zeroGradients()
    }

    /// Twice.
    override public var evaluatesRepeatedly: Bool { true }

    /// A whole step: the gradient here, then at the worse place, and the wrapped optimizer's step from here.
    @discardableResult
    override public func step(_ evaluate: () throws -> Tensor, preparing prepare: () -> Void = {}) rethrows -> Tensor {
        zeroGradients()
        let loss = try evaluate().detached()
        ascend()
        do { _ = try evaluate() } catch {
            descend()
            throw error
        }
        // Clipping may compare gradients with the parameters: those of the place where the step begins.
        descend()
        prepare()
        step()
        return loss
    }

    override package func record() {
        descend()
        base.record()
    }

    /// Goes back to where `ascend()` began.
    private func descend() {
        withoutGradient {
            for (parameter, place) in zip(parameters, places) {
                guard let tensor = place.tensor else { continue }
                parameter.slot.tensor = tensor
                place.tensor = nil
            }
        }
    }

    override public var hasEvaluationWeights: Bool { base.hasEvaluationWeights }
    override public func eval() { base.eval() }
    override public func train() { base.train() }

    // MARK: State

    override public var stepCount: Int { base.stepCount }
    override public var stateSlots: [StateSlot] { base.stateSlots + places }
    override public var stateNumbers: [StateNumber] { base.stateNumbers }

    /// The wrapped optimizer's state: between steps there is no other.
    override public var state: State { base.state }

    override public func load(_ state: State) throws(StateDictionaryError) {
        try base.load(state)
        for place in places { place.tensor = nil }
    }
}
