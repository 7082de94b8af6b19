import MartletData
import MartletFiles
import MartletNN
import MartletOptim
import MartletTensor

extension Trainer {
    /// The run as it stands between two steps.
    func checkpoint(_ position: Checkpoint.Position) -> Checkpoint {
        Checkpoint(
            position: position, model: model.stateDictionary, optimizer: optimizer.state.tensors, totals: totals.state)
    }

    /// Puts the run back to where a checkpoint was taken.
    ///
    /// - Parameter name: the file's name for errors.
    /// - Throws: `FileError` of kind `mismatch` where the checkpoint is of another model, optimizer or loader.
    func restore(_ checkpoint: Checkpoint, _ train: DataLoader, name: String) throws(FileError) {
        let position = checkpoint.position
        func mismatch(_ field: String, _ expected: String, _ error: any Error) -> FileError {
            FileError(.mismatch, file: name, field: field, expected: expected, found: "\(error)")
        }
        do { try model.load(checkpoint.model) } catch {
            throw mismatch("model", "the tensors of \(type(of: model))", error)
        }
        let state = Optimizer.State(
            tensors: checkpoint.optimizer, stepCount: position.optimizerSteps, learningRates: position.learningRates)
        do { try optimizer.load(state) } catch {
            throw mismatch("optimizer", "the tensors of \(type(of: optimizer))", error)
        }
        do { try train.resume(from: position.loader) } catch { throw mismatch("loader", "a place in the data", error) }
        totals.state = checkpoint.totals
        Generator.current.state = position.generator
    }

    /// Takes one step; `count` were taken before.
    func takeStep(_ batch: Batch, after count: Int) throws {
        if let schedule { optimizer.learningRate = schedule(count) }
        _ = try step.run(batch.inputs, batch.labels)
    }

    /// Finds the step after `checkpoint` whose loss was the first that was not finite, and the layer that made it so, by
    /// going there again: the same steps give the same numbers.
    func findNonFinite(after checkpoint: Checkpoint, _ train: DataLoader) throws -> NonFiniteLoss {
        let start = checkpoint.position
        var limit = Int.max
        // The first pass finds the step; its update has spoilt the parameters then, so the second stops before it.
        for _ in 0..<2 {
            try restore(checkpoint, train, name: "checkpoint")
            var taken = 0
            for batch in train {
                if taken == limit {
                    let layer = firstNonFiniteLayer(of: model) { _ = loss(model(batch.inputs), batch.labels) }
                    return NonFiniteLoss(step: start.step + taken + 1, epoch: start.epochsDone + 1, layer: layer)
                }
                try takeStep(batch, after: start.step + taken)
                if !totals.sums.loss.isFinite {
                    limit = taken
                    break
                }
                taken += 1
            }
            try train.finish()
        }
        return NonFiniteLoss(step: start.step, epoch: start.epochsDone + 1, layer: nil)
    }
}
