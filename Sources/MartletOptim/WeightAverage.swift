import MartletGraph
import MartletNN
import MartletTensor

/// An average of a model's weights over the steps, which often does better than the weights themselves.
///
///     exponential:  average ← decay·average + (1 - decay)·p     with `warmsUp` decay = min(decay, (1 + t) / (10 + t))
///     equal:        average ← average + (p - average) / (t + 1)
///
/// with t the updates before; the first update takes the weights as they are.
///
///     let average = WeightAverage(of: model, .exponential(decay: 0.999))
///     … optimizer.step(); average.update()
///     average.evaluating { accuracy(model) }
///
/// Averages are kept in the parameters' own types. Buffers are not averaged: after averaging the statistics of batch
/// normalisation are those of other weights, and `recalibrateBatchNorm` gathers them anew.
///
/// Sources: B. Polyak and A. Juditsky (1992); equal weights: P. Izmailov et al., "Averaging weights leads to wider optima and
/// better generalization" (2018); in the form of torch.optim.swa_utils.AveragedModel.
public final class WeightAverage: StateHolder {
    /// How the steps' weights weigh.
    public enum Form: Sendable, Hashable {
        /// The latest most; `warmsUp` lets the first steps be forgotten sooner.
        case exponential(decay: Double, warmsUp: Bool = false)
        /// All alike: SWA.
        case equal
    }

    /// How the steps' weights weigh.
    public let form: Form
    private let names: [String]
    private let parameters: [Parameter]
    private let averages: [StateSlot]
    /// While the average is in the model: the model's own.
    private let own: [StateSlot]
    private let count = StateNumber(0)

    /// An average of a model's parameters, without an update yet.
    public init(of model: any Module, _ form: Form) {
        self.form = form
        var met = Set<ObjectIdentifier>()
        let found = model.namedParameters.filter { met.insert(ObjectIdentifier($0.parameter)).inserted }
        (names, parameters) = (found.map(\.name), found.map(\.parameter))
        averages = found.map { _ in StateSlot() }
        own = found.map { _ in StateSlot() }
    }

    /// Updates so far.
    public var updateCount: Int { Int(count.current) }

    /// Takes in the model's weights as they are now.
    public func update() {
        withoutGradient {
            guard own.allSatisfy({ $0.tensor == nil }) else {
                stop("WeightAverage.update(): the average is in the model; restore() first")
            }
            let share = count.value(share).cast(to: .float64)
            for (parameter, slot) in zip(parameters, averages) {
                let now = parameter.value.detached()
                guard let average = slot.tensor else {
                    slot.tensor = now
                    continue
                }
                let (a, p) = (average.value, now.value)
                let working = DataType.promoted(p.dtype, .float32)
                let moved = a.cast(to: working) + share.cast(to: working) * (p.cast(to: working) - a.cast(to: working))
                slot.tensor = Tensor(moved.cast(to: p.dtype))
            }
            count.add(1)
        }
    }

    /// How far the average goes towards the weights after so many updates.
    private var share: (Double) -> Double {
        switch form {
        case .equal: { 1 / ($0 + 1) }
        case .exponential(let decay, let warmsUp): { 1 - (warmsUp ? min(decay, (1 + $0) / (10 + $0)) : decay) }
        }
    }

    /// Puts the average into the model until `restore()`; before the first update nothing happens.
    public func apply() {
        withoutGradient {
            for ((parameter, average), own) in zip(zip(parameters, averages), own) {
                guard own.tensor == nil, let tensor = average.tensor else { continue }
                own.tensor = parameter.value.detached()
                parameter.slot.tensor = tensor
            }
        }
    }

    /// Puts the model's own weights back.
    public func restore() {
        withoutGradient {
            for (parameter, own) in zip(parameters, own) {
                guard let tensor = own.tensor else { continue }
                parameter.slot.tensor = tensor
                own.tensor = nil
            }
        }
    }

    /// Runs `body` with the average in the model.
    public func evaluating<Result>(_ body: () throws -> Result) rethrows -> Result {
        apply()
        defer { restore() }
        return try body()
    }

    // MARK: State

    /// Everything that an update renews.
    public var stateSlots: [StateSlot] { parameters.map(\.slot) + averages + own }
    /// The updates so far.
    public var stateNumbers: [StateNumber] { [count] }

    /// The averages by the parameters' names, and the updates as `update_count`; empty before the first update.
    public var state: [String: Tensor] {
        guard count.current > 0 else { return [:] }
        var tensors = ["update_count": onNoDevice { Tensor.full([], count.current, dtype: .float64) }]
        for (name, slot) in zip(names, averages) { tensors["average.\(name)"] = slot.tensor }
        return tensors
    }

    /// Continues from a saved state; nothing changes where something does not fit.
    public func load(_ tensors: [String: Tensor]) throws(StateDictionaryError) {
        var error = StateDictionaryError()
        var known: Set<String> = ["update_count"]
        for (name, parameter) in zip(names, parameters) {
            known.insert("average.\(name)")
            guard let tensor = tensors["average.\(name)"] else {
                if !tensors.isEmpty { error.missing.append("average.\(name)") }
                continue
            }
            if tensor.shape != parameter.shape || tensor.dtype != parameter.dtype {
                error.misshapen.append(
                    "average.\(name) (expected \(parameter.dtype) \(parameter.shape), found \(tensor.dtype) \(tensor.shape))"
                )
            }
        }
        error.unexpected = tensors.keys.filter { !known.contains($0) }.sorted()
        if let number = tensors["update_count"] {
            if number.elementCount != 1 {
                error.misshapen.append("update_count (expected one number, found the shape \(number.shape))")
            }
        } else if !tensors.isEmpty {
            error.missing.append("update_count")
        }
        if error != StateDictionaryError() { throw error }
        restore()
        for (name, slot) in zip(names, averages) { slot.tensor = tensors["average.\(name)"] }
        count.current = tensors["update_count"]?.item(as: Double.self) ?? 0
    }
}

/// Gathers the running statistics of a model's batch normalisations anew: the means, over all batches, of each batch's mean
/// and (unbiased) variance. What averaged weights need, as their activations are not those that were followed in training.
///
/// The model runs in training mode, without gradients; afterwards each layer is in its own mode again.
///
/// Source: P. Izmailov et al. (2018), section 3.2, in the form of torch.optim.swa_utils.update_bn.
///
/// - Parameters:
///   - model: whose layers.
///   - batches: the inputs, of one size as far as can be: each batch weighs the same.
///   - forward: runs the model on a batch.
public func recalibrateBatchNorm<Batches: Sequence>(
    _ model: any Module, over batches: Batches, forward: (Batches.Element) throws -> Tensor
) rethrows {
    let layers = model.namedModules.compactMap { $0.module as? any NormalizationLayer }.filter { $0.momentum != 0 }
    guard !layers.isEmpty else { return }
    let modes = model.modeSwitches.map(\.isTraining)
    model.train()
    defer { for (mode, isTraining) in zip(model.modeSwitches, modes) { mode.isTraining = isTraining } }
    var sums = layers.map {
        (mean: Tensor.zeros(like: $0.runningMean.value), variance: Tensor.zeros(like: $0.runningVariance.value))
    }
    var count = 0.0
    for layer in layers { layer.batchCount.value = Tensor.zeros(like: layer.batchCount.value) }
    try withoutGradient {
        for batch in batches {
            // From zeros a layer's statistics become its momentum times the batch's.
            for layer in layers {
                layer.runningMean.value = Tensor.zeros(like: layer.runningMean.value)
                layer.runningVariance.value = Tensor.zeros(like: layer.runningVariance.value)
            }
            _ = try forward(batch)
            count += 1
            for (index, layer) in layers.enumerated() {
                let (mean, variance) = (
                    layer.runningMean.value / layer.momentum, layer.runningVariance.value / layer.momentum
                )
                sums[index] = (sums[index].mean + mean, sums[index].variance + variance)
            }
        }
        for (layer, sum) in zip(layers, sums) {
            layer.runningMean.value = count == 0 ? sum.mean : sum.mean / count
            layer.runningVariance.value = count == 0 ? Tensor.ones(like: sum.variance) : sum.variance / count
        }
    }
}

/// `recalibrateBatchNorm` of a layer on tensors.
public func recalibrateBatchNorm(_ model: any Layer, over batches: some Sequence<Tensor>) {
    recalibrateBatchNorm(model, over: batches) { model($0) }
}
