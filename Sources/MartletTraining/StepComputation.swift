import MartletData
import MartletNN
import MartletOptim
import MartletTensor

/// What a training step computes, as fixed plans.
///
/// Where a step is one batch and one gradient it is one plan. Where gradients of several batches are averaged, or the optimizer
/// asks for the loss again, one plan adds a batch's gradients and another renews the parameters. The batches of a step are
/// one loss: the mean over all their examples, the same at each call, with the same random numbers.
final class StepComputation {
    private let model: any Layer
    private let optimizer: Optimizer
    private let settings: TrainingSettings
    private let loss: (Tensor, Tensor) -> Tensor
    private let statistics: LayerStatistics?
    private let totals: EpochTotals
    private let average: WeightAverage?
    private let scaler: LossScaler?
    /// The deviation of the noise on gradients.
    let noise = StateNumber(0)
    /// The part of a step's examples that a batch has.
    private let share = StateNumber(1)
    /// Off where a step asks for its loss again: sums, running statistics and figures of layers are then done.
    private let isFirst = ModeSwitch()

    init(
        _ model: any Layer, _ optimizer: Optimizer, _ settings: TrainingSettings, _ statistics: LayerStatistics?,
        totals: EpochTotals, average: WeightAverage?, scaler: LossScaler?, loss: @escaping (Tensor, Tensor) -> Tensor
    ) {
        (self.model, self.optimizer, self.settings, self.loss) = (model, optimizer, settings, loss)
        (self.statistics, self.totals, self.average, self.scaler) = (statistics, totals, average, scaler)
    }

    /// Takes a step; without a scaler the exponential average is renewed too.
    ///
    /// - Throws: what went wrong where a plan cannot be computed.
    func run(_ batches: [Batch]) throws {
        if settings.accumulatedBatches == 1, !optimizer.evaluatesRepeatedly, let batch = batches.first {
            _ = try whole.run(batch.inputs, batch.labels)
        } else if optimizer.evaluatesRepeatedly {
            try optimizer.step(evaluation(of: batches)) { limitGradients() }
            if averages { try renewAverage() }
        } else {
            optimizer.zeroGradients()
            _ = try evaluation(of: batches)()
            _ = try update.run()
        }
    }

    /// Takes the weights into the exponential average, where there is one: of a step under a scaler that was not skipped.
    func renewAverage() throws {
        if settings.average?.kind == .exponential { _ = try averaging.run() }
    }

    /// Whether a step's own plan renews the average: not where a scaler may turn out to have skipped it.
    private var averages: Bool { scaler == nil && settings.average?.kind == .exponential }

    /// The mean loss over the batches' examples, its gradient added to the parameters'.
    private func evaluation(of batches: [Batch]) -> () throws -> Tensor {
        let examples = Double(batches.reduce(0) { $0 + $1.count })
        let random = Generator.current.state
        isFirst.isOn = true
        return { [self] in
            if !isFirst.isOn { Generator.current.state = random }
            var sum: Tensor?
            for batch in batches {
                share.current = Double(batch.count) / examples
                let part = try gradients.run(batch.inputs, batch.labels)
                sum = sum.map { $0 + part } ?? part
            }
            isFirst.isOn = false
            guard let sum else { stop("StepComputation: a step has no batches") }
            return sum
        }
    }

    // MARK: The plans

    private lazy var whole = compile(updating: state) { [unowned self] (inputs: Tensor, labels: Tensor) in
        optimizer.zeroGradients()
        let (outputs, batchLoss) = forward(inputs, labels)
        if let scaler { scaler.backward(batchLoss) } else { batchLoss.backward() }
        scaler?.unscale()
        statistics?.collect(outputGradientsOver: scaler?.scaleTensor)
        renew()
        totals.add(counted(batchLoss), outputs: outputs, labels: labels)
        return batchLoss.detached()
    }

    private lazy var gradients = compile(updating: state) { [unowned self] (inputs: Tensor, labels: Tensor) in
        let buffers = isFirst.isOn ? [] : model.namedBuffers.map { ($0.buffer, $0.buffer.value) }
        let (outputs, batchLoss) = forward(inputs, labels)
        let part = Tensor(share.value().cast(to: batchLoss.dtype))
        let partLoss = batchLoss * part
        if let scaler { scaler.backward(partLoss) } else { partLoss.backward() }
        for (buffer, value) in buffers { buffer.value = value }
        if isFirst.isOn {
            let scale = scaler?.scaleTensor
            statistics?.collect(outputGradientsOver: scale.map { $0 * part } ?? part, parameterGradientsOver: scale)
            totals.add(counted(batchLoss), outputs: outputs, labels: labels)
        }
        return partLoss.detached()
    }

    private lazy var update = compile(updating: state) { [unowned self] () -> Tensor in
        scaler?.unscale()
        renew()
        return Tensor(0.0)
    }

    private lazy var averaging = compile(updating: state) { [unowned self] () -> Tensor in
        average?.update()
        return Tensor(0.0)
    }

    private func forward(_ inputs: Tensor, _ labels: Tensor) -> (outputs: Tensor, loss: Tensor) {
        let run = { [self] in settings.precision.running { model(inputs) } }
        // What is asked for again is not looked at: the figures are those of the place where the step begins.
        let outputs = isFirst.isOn ? statistics?.watch(run) ?? run() : run()
        return (outputs, settings.precision.running { loss(outputs, labels) })
    }

    /// Renews the parameters by the gradients that are there, which nobody asks for afterwards.
    private func renew() {
        limitGradients()
        if let scaler { scaler.step(keepingGradients: false) } else { optimizer.step(keepingGradients: false) }
        if averages { average?.update() }
    }

    /// Clips as the settings say and adds the noise.
    private func limitGradients() {
        let parameters = model.parameters
        settings.clipGradients(of: parameters)
        if settings.gradientNoise != nil { GradientNoise.add(to: parameters, deviation: Tensor(noise.value())) }
    }

    /// A step that overflowed float16 was not taken: its loss says nothing of the run.
    private func counted(_ loss: Tensor) -> Tensor {
        scaler == nil ? loss : `where`(loss.isFinite(), loss, Tensor.zeros(like: loss))
    }

    private var state: TrainedState {
        let holders: [(any StateHolder)?] = [model, optimizer, totals, average, scaler, statistics]
        return TrainedState(holders: holders.compactMap(\.self), numbers: [noise, share])
    }
}

/// Several holders of state as one.
private struct TrainedState: StateHolder {
    let holders: [any StateHolder]
    let numbers: [StateNumber]
    var stateSlots: [StateSlot] { holders.flatMap(\.stateSlots) }
    var stateNumbers: [StateNumber] { numbers + holders.flatMap(\.stateNumbers) }
}
