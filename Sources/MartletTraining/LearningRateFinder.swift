import Foundation
import MartletData
import MartletNN
import MartletOptim
import MartletTensor

/// The learning-rate range test: a short training under a rate that grows exponentially, and what the loss made of it.
///
///     rateₖ = lowest · (highest / lowest)^(k / (steps - 1))
///     smoothedₖ = mₖ / (1 - βᵏ⁺¹),  mₖ = β·mₖ₋₁ + (1 - β)·lossₖ,  m₋₁ = 0
///
/// It ends early where the smoothed loss is `divergence` times its lowest, or no number. Model, optimizer, loader and random
/// generator are afterwards as they were, bit by bit.
///
///     let sweep = try LearningRateFinder().run(model, optimizer, on: loader)
///     optimizer.learningRate = sweep.suggestion ?? 1e-3
///
/// Source: L. Smith, "Cyclical learning rates for training neural networks" (2017, first 2015), section 3.3; exponential and
/// smoothed as in S. Gugger's "How do you find a good learning rate" (2018).
public struct LearningRateFinder: Sendable, Codable, Hashable {
    /// The first rate.
    public var lowest: Double
    /// The last rate.
    public var highest: Double
    /// Steps between them.
    public var steps: Int
    /// β: how much of the mean loss a step keeps. The peers' 0.98 lags fifty steps behind, half the sweep; 0.9 lags ten.
    public var smoothing: Double
    /// The multiple of the lowest smoothed loss at which the sweep ends.
    public var divergence: Double

    /// A test between two rates.
    public init(
        lowest: Double = 1e-7, highest: Double = 10, steps: Int = 100, smoothing: Double = 0.9, divergence: Double = 4
    ) {
        (self.lowest, self.highest, self.steps) = (lowest, highest, steps)
        (self.smoothing, self.divergence) = (smoothing, divergence)
    }

    /// Runs the test, through the loader again and again where it has fewer batches than there are steps.
    ///
    /// Groups of parameters keep the ratios of their rates; the rates of the result are the first group's.
    ///
    /// - Parameters:
    ///   - loss: maps outputs and labels to the mean loss of a batch.
    ///   - didStep: called after each step with its number, from 1 on.
    /// - Throws: what the loader throws, and what went wrong where a step cannot be computed.
    public func run(
        _ model: any Layer, _ optimizer: Optimizer, on loader: DataLoader,
        loss: @escaping (Tensor, Tensor) -> Tensor = { crossEntropy($0, $1) }, didStep: (Int) -> Void = { _ in }
    ) throws -> LearningRateSweep {
        guard lowest > 0, highest > lowest, highest.isFinite, steps > 1, (0..<1).contains(smoothing), divergence > 1
        else {
            stop(
                "LearningRateFinder: expected 0 < lowest < highest, at least 2 steps, smoothing from 0 to below 1 and "
                    + "divergence above 1; found \(self)")
        }
        guard !(optimizer is LBFGS) else { stop("LearningRateFinder: LBFGS searches for its step by itself") }
        let snapshot = StateSnapshot([model, optimizer], modes: model.modeSwitches)
        let place = loader.state
        defer { snapshot.restore() }
        model.train()
        let sweep = Result { try self.sweep(model, optimizer, loader, loss, didStep) }
        try loader.resume(from: place)
        return try sweep.get()
    }

    private func sweep(
        _ model: any Layer, _ optimizer: Optimizer, _ loader: DataLoader,
        _ loss: @escaping (Tensor, Tensor) -> Tensor, _ didStep: (Int) -> Void
    ) throws -> LearningRateSweep {
        let step = compiledStep(model, optimizer, loss)
        let first = optimizer.groups[0].learningRate
        let ratios = optimizer.groups.map { first > 0 ? $0.learningRate / first : 1 }
        var recorder = SweepRecorder(divergence: divergence, smoothing: smoothing)
        var taken = 0
        while taken < steps {
            let before = taken
            for batch in loader {
                let rate = self.rate(taken)
                for (group, ratio) in zip(optimizer.groups, ratios) { group.learningRate = rate * ratio }
                let batchLoss = try step.run(batch.inputs, batch.labels).checkedItem(as: Double.self)
                recorder.add(rate: rate, loss: batchLoss)
                taken += 1
                didStep(taken)
                if recorder.sweep.hasDiverged || taken == steps { return recorder.sweep }
            }
            try loader.finish()
            // A loader without a batch never comes to an end.
            if taken == before { break }
        }
        return recorder.sweep
    }

    /// The rate of a step, counted from 0.
    public func rate(_ step: Int) -> Double {
        lowest * pow(highest / lowest, Double(step) / Double(steps - 1))
    }

    private func compiledStep(
        _ model: any Layer, _ optimizer: Optimizer, _ loss: @escaping (Tensor, Tensor) -> Tensor
    ) -> CompiledFunction<Tensor, Tensor, Tensor> {
        compile(updating: model.asHolder, optimizer) { (inputs: Tensor, labels: Tensor) in
            func gradients() -> Tensor {
                optimizer.zeroGradients()
                let batchLoss = loss(model(inputs), labels)
                batchLoss.backward()
                return batchLoss.detached()
            }
            let batchLoss = gradients()
            if let sam = optimizer as? SAM {
                sam.ascend()
                _ = gradients()
            }
            optimizer.step()
            return batchLoss
        }
    }
}

extension Module {
    /// The module as a holder of state, for `compile` where its type is not known.
    fileprivate var asHolder: ModuleState { ModuleState(module: self) }
}

private struct ModuleState: StateHolder {
    let module: any Module
    var stateSlots: [StateSlot] { module.stateSlots }
    var stateNumbers: [StateNumber] { module.stateNumbers }
}
