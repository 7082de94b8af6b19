import MartletTensor

/// A change of scale that is learnt from the training set and then made to whatever meets the model.
///
///     let scaler = StandardScaler().fitted(to: train)
///     let loader = DataLoader(train.map(scaler), batchSize: 128, shuffle: true)
///     let prediction = model(scaler.transform(measured))
///
/// A scaler is a value: `fitted(to:)` gives another one, which can be saved, compared and sent between threads. It learns one
/// offset and one scale for each feature, or as `per` says. NaN and infinite numbers are left out in learning, and stay what they
/// are when scaled. Where numbers are all equal, or there are none, they are not divided: the scale is 1, as scikit-learn has it.
///
/// Numbers are scaled in float64 where they are float64, else in float32.
public protocol Scaler: ElementwiseTransform, Codable, Hashable {
    /// The name in saved form.
    static var kind: String { get }
    /// Which numbers are scaled alike.
    var per: ScalerGrouping { get }
    /// Which part of a sample is learnt from and scaled.
    var part: SamplePart { get }
    /// What was learnt; nil before.
    var fit: ScalerFit? { get }

    /// What `fitted(to:)` calls, whatever the data set: the scaler with the numbers of `dataset`.
    func learning(from dataset: some Dataset) throws -> Self
}

extension Scaler {
    /// The scaler that `dataset` teaches, read once from its first sample to its last, in float64. The data need not fit into
    /// memory. Random numbers drawn in reading a sample follow from its index alone.
    ///
    /// - Throws: what reading a sample throws; `DataError` with the index where a sample's shape gives other groups, or where
    ///   there is no sample.
    public func fitted(to dataset: some Dataset) throws -> Self { try learning(from: dataset) }

    /// The scaler that records in memory teach; reading them cannot fail. Stops where there are none.
    public func fitted(to dataset: some RecordDataset) -> Self {
        do { return try learning(from: dataset) } catch { stop("\(Self.self): \(error)") }
    }

    /// The scaler that a tensor teaches, one sample along each index of its first axis, whatever `part` says.
    public func fitted(to samples: Tensor) -> Self {
        guard samples.rank >= 1 else { stop("\(Self.self): samples of shape \(samples.shape) have no first axis") }
        return fitted(to: TensorDataset(samples, samples))
    }

    /// The scaled numbers: a sample's, or a batch's whose last axes are a sample's.
    ///
    /// Recorded like any other operation, with a derivative, and fused with what follows. Stops before `fitted(to:)`, and where
    /// the last axes are not those of the samples that were learnt from.
    public func transform(_ x: Tensor) -> Tensor { checked(x, "transform").transform(x) }

    /// The numbers whose scaled ones are `y`: what a model predicts in the units of the data.
    public func inverse(_ y: Tensor) -> Tensor { checked(y, "inverse").inverse(y) }

    /// The scaled numbers, as `transform(_:)` gives them.
    public func callAsFunction(_ x: Tensor) -> Tensor { transform(x) }

    /// The sample with its `part` scaled; throws `DataError` where its shape is another than what was learnt from.
    public func callAsFunction(_ sample: Sample) throws -> Sample {
        var sample = sample
        switch part {
        case .inputs: sample.inputs = try scaled(sample.inputs, index: nil)
        case .label: sample.label = try scaled(sample.label, index: nil)
        }
        return sample
    }

    /// The batch with its `part` scaled; throws `DataError` where its shape is another than what was learnt from.
    public func callAsFunction(_ batch: Batch) throws -> Batch {
        var batch = batch
        switch part {
        case .inputs: batch.inputs = try scaled(batch.inputs, index: batch.indices.first)
        case .label: batch.labels = try scaled(batch.labels, index: batch.indices.first)
        }
        return batch
    }

    private func scaled(_ x: Tensor, index: Int?) throws(DataError) -> Tensor {
        let fit = checkedFit("transform")
        guard fit.fits(x.shape) else {
            throw DataError(
                dataset: "\(Self.self)", field: part.rawValue, index: index,
                expected: "numbers that groups of shape \(fit.shape) fit", found: "\(x.shape)")
        }
        return fit.transform(x)
    }

    private func checked(_ x: Tensor, _ operation: String) -> ScalerFit {
        let fit = checkedFit(operation)
        guard fit.fits(x.shape) else {
            stop("\(Self.self).\(operation): groups of shape \(fit.shape) do not fit the last axes of \(x.shape)")
        }
        return fit
    }

    private func checkedFit(_ operation: String) -> ScalerFit {
        guard let fit else { stop("\(Self.self).\(operation): nothing was learnt yet; call fitted(to:) first") }
        return fit
    }
}

/// What a range of equal numbers is divided by: 1, where rounding alone would have made a scale of it.
func nonzeroScale(_ scale: Double) -> Double { abs(scale) < 10 * Double.ulpOfOne ? 1 : scale }
