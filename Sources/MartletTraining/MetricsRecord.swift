/// What was measured of an epoch: a line of `metrics.jsonl`.
///
/// Losses are means over examples, accuracies fractions from 0 to 1, times seconds. A loss that is not a number is
/// `null` in the file.
public struct MetricsRecord: Codable, Equatable, Sendable {
    /// The epoch, from 1 on.
    public var epoch: Int
    /// The optimizer's steps since the run began.
    public var step: Int
    /// The mean loss over the epoch's training batches, each at the parameters of its step.
    public var trainLoss: Double
    /// The share of the training examples that were right when they were trained on.
    public var trainAccuracy: Double?
    /// The mean loss over the validation data after the epoch.
    public var validationLoss: Double?
    /// The share of the validation data that was right after the epoch.
    public var validationAccuracy: Double?
    /// The mean loss over the test data after the epoch.
    public var testLoss: Double?
    /// The share of the test data that was right after the epoch.
    public var testAccuracy: Double?
    /// The figures of further metrics on the validation data after the epoch; in the file `validation_` and the name.
    public var validationMetrics: [MetricName: Double]
    /// The same on the test data; in the file `test_` and the name.
    public var testMetrics: [MetricName: Double]
    /// Images trained on in a second, the epoch's mean, tests not counted.
    public var imagesPerSecond: Double?
    /// The learning rate of the epoch's last step.
    public var learningRate: Double?
    /// The epoch's duration, tests included.
    public var seconds: Double
    /// The run's duration until the end of this epoch, over all resumptions.
    public var elapsedSeconds: Double

    /// A record; what was not measured stays nil and is left out of the file.
    public init(
        epoch: Int, step: Int, trainLoss: Double, trainAccuracy: Double? = nil, validationLoss: Double? = nil,
        validationAccuracy: Double? = nil, testLoss: Double? = nil, testAccuracy: Double? = nil,
        validationMetrics: [MetricName: Double] = [:], testMetrics: [MetricName: Double] = [:],
        imagesPerSecond: Double? = nil, learningRate: Double? = nil, seconds: Double, elapsedSeconds: Double
    ) {
        // The accuracy has a place of its own.
        self.validationMetrics = validationMetrics.filter { $0.key != .accuracy }
        self.testMetrics = testMetrics.filter { $0.key != .accuracy }
        (self.epoch, self.step, self.seconds, self.elapsedSeconds) = (epoch, step, seconds, elapsedSeconds)
        (self.trainLoss, self.trainAccuracy) = (trainLoss, trainAccuracy)
        (self.validationLoss, self.validationAccuracy) = (validationLoss, validationAccuracy)
        (self.testLoss, self.testAccuracy) = (testLoss, testAccuracy)
        (self.imagesPerSecond, self.learningRate) = (imagesPerSecond, learningRate)
    }

    /// The loss that early stopping and plateaus go by: the validation data's, else the training data's; what is no finite
    /// number is none, as it is read from the file.
    var watchedLoss: Double {
        let loss = validationLoss ?? trainLoss
        return loss.isFinite ? loss : .nan
    }

    /// What early stopping and plateaus go by: a figure, not-a-number where it was not measured, or the watched loss.
    func watched(_ named: MonitoredFigure?) -> Double {
        guard let named else { return watchedLoss }
        return figure(named) ?? .nan
    }

    /// A figure by its name in the file: `validation_loss`, `train_accuracy`, `test_f1_macro`; nil where it was not measured.
    /// What is no finite number is not-a-number, as it is read from the file.
    public func figure(_ name: MonitoredFigure) -> Double? {
        let figure: Double? =
            switch name {
            case .loss(.train): trainLoss
            case .loss(.validation): validationLoss
            case .loss(.test): testLoss
            case .metric(.accuracy, .train): trainAccuracy
            case .metric(.accuracy, .validation): validationAccuracy
            case .metric(.accuracy, .test): testAccuracy
            case .metric(let metric, .validation): validationMetrics[metric]
            case .metric(let metric, .test): testMetrics[metric]
            case .metric(_, .train): nil
            }
        return figure.map { $0.isFinite ? $0 : .nan }
    }

    private enum CodingKeys: String, CodingKey {
        case epoch, step, seconds
        case trainLoss = "train_loss"
        case trainAccuracy = "train_accuracy"
        case validationLoss = "validation_loss"
        case validationAccuracy = "validation_accuracy"
        case testLoss = "test_loss"
        case testAccuracy = "test_accuracy"
        case imagesPerSecond = "images_per_second"
        case learningRate = "learning_rate"
        case elapsedSeconds = "elapsed_seconds"
    }

    /// Reads a line of the file.
    public init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: CodingKeys.self)
        /// A figure that was measured and is no number stays one: it is another thing than none.
        func optional(_ key: CodingKeys) throws -> Double? {
            guard fields.contains(key) else { return nil }
            return try fields.decodeNil(forKey: key) ? .nan : fields.decode(Double.self, forKey: key)
        }
        /// `null` stands for not-a-number; a missing key is an error.
        func required(_ key: CodingKeys) throws -> Double {
            try fields.decodeNil(forKey: key) ? .nan : fields.decode(Double.self, forKey: key)
        }
        self.init(
            epoch: try fields.decode(Int.self, forKey: .epoch), step: try fields.decode(Int.self, forKey: .step),
            trainLoss: try required(.trainLoss), trainAccuracy: try optional(.trainAccuracy),
            validationLoss: try optional(.validationLoss), validationAccuracy: try optional(.validationAccuracy),
            testLoss: try optional(.testLoss), testAccuracy: try optional(.testAccuracy),
            validationMetrics: try Self.metrics("validation", from: decoder),
            testMetrics: try Self.metrics("test", from: decoder),
            imagesPerSecond: try optional(.imagesPerSecond), learningRate: try optional(.learningRate),
            seconds: try required(.seconds), elapsedSeconds: try required(.elapsedSeconds))
    }

    /// Writes a line of the file.
    public func encode(to encoder: any Encoder) throws {
        var fields = encoder.container(keyedBy: CodingKeys.self)
        try fields.encode(epoch, forKey: .epoch)
        try fields.encode(step, forKey: .step)
        try fields.encode(trainLoss, forKey: .trainLoss)
        try fields.encodeIfPresent(trainAccuracy, forKey: .trainAccuracy)
        try fields.encodeIfPresent(validationLoss, forKey: .validationLoss)
        try fields.encodeIfPresent(validationAccuracy, forKey: .validationAccuracy)
        try fields.encodeIfPresent(testLoss, forKey: .testLoss)
        try fields.encodeIfPresent(testAccuracy, forKey: .testAccuracy)
        try fields.encodeIfPresent(imagesPerSecond, forKey: .imagesPerSecond)
        try fields.encodeIfPresent(learningRate, forKey: .learningRate)
        try fields.encode(seconds, forKey: .seconds)
        try fields.encode(elapsedSeconds, forKey: .elapsedSeconds)
        var others = encoder.container(keyedBy: MetricKey.self)
        for (part, metrics) in [("validation", validationMetrics), ("test", testMetrics)] {
            for (metric, figure) in metrics { try others.encode(figure, forKey: MetricKey(part, metric)) }
        }
    }

    private static func metrics(_ part: String, from decoder: any Decoder) throws -> [MetricName: Double] {
        let fields = try decoder.container(keyedBy: MetricKey.self)
        var found: [MetricName: Double] = [:]
        for metric in MetricName.allCases where metric != .accuracy {
            let key = MetricKey(part, metric)
            guard fields.contains(key) else { continue }
            found[metric] = try fields.decodeNil(forKey: key) ? .nan : fields.decode(Double.self, forKey: key)
        }
        return found
    }

    /// `validation_f1_macro`.
    private struct MetricKey: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(_ part: String, _ metric: MetricName) { stringValue = "\(part)_\(metric.rawValue)" }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}
