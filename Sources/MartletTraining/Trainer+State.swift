import MartletData
import MartletFiles
import MartletNN
import MartletOptim
import MartletTensor

extension Trainer {
    /// The run as it stands between two steps.
    func checkpoint(_ position: Checkpoint.Position) -> Checkpoint {
        Checkpoint(
            position: position, model: model.stateDictionary, optimizer: optimizer.state.tensors, totals: totals.state,
            average: average?.state ?? [:], notes: notes)
    }

    /// The weights that the optimizer evaluates with, by the names of a ``WeightAverage``; none where they are those that it
    /// trains.
    var evaluationWeights: [String: Tensor] {
        guard optimizer.hasEvaluationWeights else { return [:] }
        optimizer.eval()
        defer { optimizer.train() }
        let weights = model.namedParameters.map { ("average.\($0.name)", $0.parameter.value.detached()) }
        return Dictionary(weights) { first, _ in first }
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
        do { try average?.load(checkpoint.average) } catch {
            throw mismatch("average", "the averages of \(type(of: model))", error)
        }
        if let state = position.lossScale {
            do { try scaler?.load(state) } catch { throw mismatch("loss scale", "a scale above 0", error) }
        }
        if let state = position.statistics {
            do { try statistics?.load(state) } catch {
                throw mismatch("statistics", "those of \(type(of: model))", error)
            }
        }
        do { try train.resume(from: position.loader) } catch { throw mismatch("loader", "a place in the data", error) }
        totals.state = checkpoint.totals
        Generator.current.state = position.generator
    }

    /// True where every parameter is a number throughout.
    var hasFiniteParameters: Bool {
        get throws {
            let checks = withoutGradient { model.parameters.map { $0.value.isFinite().all() } }
            guard let first = checks.first else { return true }
            return try checks.dropFirst().reduce(first) { $0 .& $1 }.checkedItem(as: Bool.self)
        }
    }

    /// Finds the first step after `checkpoint` whose loss or update was not finite, and the layer that made its loss so, by
    /// going there again: the same steps give the same numbers.
    ///
    /// - Throws: `DataError` where a label outside the classes was the cause.
    func findNonFinite(after checkpoint: Checkpoint, _ train: DataLoader) throws -> NonFiniteLoss {
        let start = checkpoint.position
        var limit = Int.max
        // The first pass finds the step; its update has spoilt the parameters then, so the second stops before it.
        for _ in 0..<2 {
            try restore(checkpoint, train, name: "checkpoint")
            var taken = 0
            for batches in BatchGroups(of: train, size: settings.accumulatedBatches) {
                if taken == limit {
                    for batch in batches { try checkLabels(of: batch, step: start.step + taken + 1) }
                    let layer = batches.lazy.compactMap(self.firstNonFiniteLayer).first
                    return NonFiniteLoss(step: start.step + taken + 1, epoch: start.epochsDone + 1, layer: layer)
                }
                try takeStep(batches, after: start.step + taken)
                if try !totals.sums.loss.isFinite || !hasFiniteParameters {
                    limit = taken
                    break
                }
                taken += 1
            }
            try train.finish()
        }
        return NonFiniteLoss(step: start.step, epoch: start.epochsDone + 1, layer: nil)
    }

    /// The first layer whose output for a batch is not finite.
    func firstNonFiniteLayer(_ batch: Batch) -> String? {
        MartletNN.firstNonFiniteLayer(of: model) {
            _ = settings.precision.running { loss(model(batch.inputs), batch.labels) }
        }
    }

    /// A data set that does not say how many classes it has may name one that the model has no output for; a label that is a
    /// number may be infinite or none.
    private func checkLabels(of batch: Batch, step: Int) throws {
        let outputs = withoutGradient { model(batch.inputs) }
        guard isClasses(batch.labels, outputs) else {
            let numbers = batch.labels.to(dtype: .float64).array(as: Double.self)
            guard let place = numbers.firstIndex(where: { !$0.isFinite }) else { return }
            throw DataError(
                dataset: "training data", field: "labels", index: batch.indices[place * batch.count / numbers.count],
                expected: "finite numbers", found: "\(numbers[place]) in step \(step)")
        }
        let labels = batch.labels.to(dtype: .int64).array(as: Int.self)
        let classes = classCount(of: outputs)
        guard let row = labels.firstIndex(where: { !(0..<classes).contains($0) }) else { return }
        throw DataError(
            dataset: "training data", field: "labels", index: batch.indices[row],
            expected: "0 to \(classes - 1), as the model has outputs", found: "\(labels[row]) in step \(step)")
    }
}
