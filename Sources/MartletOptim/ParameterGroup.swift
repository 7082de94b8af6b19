import MartletNN
import MartletTensor

/// A number of an update that each group may have for itself, by its name in saved states.
package enum Setting: String, CaseIterable, Sendable {
    /// The factor of weight decay.
    case weightDecay = "weight_decay"
    /// β of a velocity.
    case momentum
    /// β₁ and β₂ of mean gradient and mean square.
    case beta1, beta2
    /// ε, added to a divisor.
    case epsilon
    /// The part of a mean square that a step keeps, where there is no other mean.
    case smoothing
}

/// Parameters that share their settings: the learning rate, the weight decay, and whatever else a group has for itself.
///
///     let optimizer = AdamW([
///         ParameterGroup(backbone.parameters, learningRate: 1e-5, weightDecay: 0.05),
///         ParameterGroup(head.parameters, learningRate: 1e-3, betas: (0.9, 0.95)),
///     ])
///
/// Each may be set between two steps as often as you like: they are arguments of the update, and no plan is made anew but
/// where weight decay begins or ends.
public final class ParameterGroup {
    /// The group's parameters, in the order of the state's names.
    public let parameters: [Parameter]
    package let rate: StateNumber
    /// Whether an update has a term of decay: that is structure, how much an argument.
    private let decaying = ModeSwitch()
    /// What the group was made with.
    private var initial: [Setting: Double] = [:]
    private var numbers: [Setting: StateNumber] = [:]
    private var owner: String?

    /// A group of parameters.
    ///
    /// - Parameters:
    ///   - parameters: what is trained.
    ///   - learningRate: the step size.
    ///   - weightDecay: the factor of weight decay; 0 is none. What it means is the optimizer's to say.
    ///   - momentum: β of the velocity; nil takes the optimizer's.
    ///   - betas: β₁ and β₂; nil takes the optimizer's.
    ///   - epsilon: ε; nil takes the optimizer's.
    ///   - smoothing: α of RMSProp, ρ of AdaDelta; nil takes the optimizer's.
    public init(
        _ parameters: [Parameter], learningRate: Double, weightDecay: Double = 0, momentum: Double? = nil,
        betas: (Double, Double)? = nil, epsilon: Double? = nil, smoothing: Double? = nil
    ) {
        self.parameters = parameters
        rate = StateNumber(learningRate)
        initial[.weightDecay] = weightDecay
        (initial[.momentum], initial[.epsilon], initial[.smoothing]) = (momentum, epsilon, smoothing)
        (initial[.beta1], initial[.beta2]) = (betas?.0, betas?.1)
        numbers[.weightDecay] = StateNumber(weightDecay)
        decaying.isOn = weightDecay != 0
    }

    /// The step size of this group.
    public var learningRate: Double {
        get { rate.current }
        set { rate.current = newValue }
    }

    /// The factor of weight decay of this group.
    public var weightDecay: Double {
        get { self[.weightDecay].current }
        set {
            self[.weightDecay].current = newValue
            followDecay()
        }
    }

    /// β of the velocity; of an optimizer with two means, β₁.
    public var momentum: Double {
        get { velocity.current }
        set { velocity.current = newValue }
    }

    /// True where `momentum` is a setting of the optimizer.
    public var hasMomentum: Bool { numbers[.momentum] != nil || numbers[.beta1] != nil }

    private var velocity: StateNumber { numbers[.momentum] ?? self[.beta1] }

    /// β₁ and β₂.
    public var betas: (Double, Double) {
        get { (self[.beta1].current, self[.beta2].current) }
        set { (self[.beta1].current, self[.beta2].current) = newValue }
    }

    /// ε.
    public var epsilon: Double {
        get { self[.epsilon].current }
        set { self[.epsilon].current = newValue }
    }

    /// α of RMSProp, ρ of AdaDelta.
    public var smoothing: Double {
        get { self[.smoothing].current }
        set { self[.smoothing].current = newValue }
    }

    // MARK: For optimizers

    /// True where the group was made with a momentum of its own.
    package var setsMomentum: Bool { (initial[.momentum] ?? 0) != 0 }

    /// True where weights decay; a compiled step notes that it asked.
    package var decays: Bool { decaying.isOn }

    /// True where the group was made with a decay.
    package var decaysFromTheStart: Bool { initial[.weightDecay] != 0 }

    /// Sets whether weights decay by the factor as it is now.
    package func followDecay() {
        let decays = self[.weightDecay].current != 0
        if decaying.position != decays { decaying.isOn = decays }
    }

    /// A setting's number; stops where the optimizer has no such setting.
    package subscript(_ setting: Setting) -> StateNumber {
        guard let number = numbers[setting] else {
            stop("ParameterGroup: \(owner ?? "no optimizer has this group, which") has no \(setting.rawValue)")
        }
        return number
    }

    /// Takes the settings of an optimizer where the group has none of its own.
    package func adopt(_ settings: [Setting: Double], by owner: String) {
        if let other = self.owner { stop("\(owner): a group of parameters belongs to \(other) already") }
        self.owner = owner
        for setting in Setting.allCases where setting != .weightDecay {
            guard let usual = settings[setting] else {
                if initial[setting] != nil {
                    stop("\(owner): a group sets \(setting.rawValue), which \(owner) has not")
                }
                continue
            }
            let number = initial[setting] ?? usual
            (initial[setting], numbers[setting]) = (number, StateNumber(number))
        }
    }

    /// The settings in the order of their names, with what each was when the group was made.
    package var settings: [(setting: Setting, number: StateNumber, initial: Double)] {
        Setting.allCases.compactMap { setting in
            guard let number = numbers[setting], let initial = initial[setting] else { return nil }
            return (setting, number, initial)
        }
    }

    /// The rate and the settings.
    package var stateNumbers: [StateNumber] { [rate] + settings.map(\.number) }
}

extension ParameterGroup {
    /// The parameters of a module in two groups: those whose weights decay, and biases and the parameters of normalisations,
    /// which do not, as they have no direction that decay could shorten.
    ///
    /// A parameter with fewer than two axes is of the second kind, and so is any that `decays` refuses.
    ///
    /// - Parameters:
    ///   - module: where the parameters are.
    ///   - learningRate: the step size of both.
    ///   - weightDecay: the factor of the first group.
    ///   - decays: whether a parameter of two axes or more decays, by its path; by default all do.
    public static func decayingWeights(
        of module: any Module, learningRate: Double, weightDecay: Double,
        where decays: (_ name: String, _ parameter: Parameter) -> Bool = { _, _ in true }
    ) -> [ParameterGroup] {
        var met = Set<ObjectIdentifier>()
        let all = module.namedParameters.filter { met.insert(ObjectIdentifier($0.parameter)).inserted }
        let chosen = all.map { $0.parameter.shape.rank >= 2 && decays($0.name, $0.parameter) }
        let (kept, rest) = (zip(all, chosen).filter(\.1), zip(all, chosen).filter { !$0.1 })
        return [
            ParameterGroup(kept.map(\.0.parameter), learningRate: learningRate, weightDecay: weightDecay),
            ParameterGroup(rest.map(\.0.parameter), learningRate: learningRate),
        ]
    }
}
