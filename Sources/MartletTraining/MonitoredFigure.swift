import MartletOptim

/// A figure of an epoch that something goes by, such as an early end, by its name in `metrics.jsonl`.
public enum MonitoredFigure: Hashable, Sendable {
    /// The part of the data that is measured.
    public enum Part: String, CaseIterable, Sendable { case train, validation, test }

    /// `validation_loss`.
    case loss(Part)
    /// `validation_f1_macro`; of the training data only the accuracy is known.
    case metric(MetricName, Part)

    /// The figure of a name; nil where there is none of that name.
    public init?(named name: String) {
        guard let part = Part.allCases.first(where: { name.hasPrefix($0.rawValue + "_") }) else { return nil }
        let rest = String(name.dropFirst(part.rawValue.count + 1))
        if rest == "loss" {
            self = .loss(part)
        } else if let metric = MetricName(rawValue: rest), metric == .accuracy || part != .train {
            self = .metric(metric, part)
        } else {
            return nil
        }
    }

    /// As it is written.
    public var name: String {
        switch self {
        case .loss(let part): "\(part.rawValue)_loss"
        case .metric(let metric, let part): "\(part.rawValue)_\(metric.rawValue)"
        }
    }

    /// Of which part it is.
    public var part: Part {
        switch self {
        case .loss(let part), .metric(_, let part): part
        }
    }

    /// Which figures are better.
    public var goal: EarlyStopping.Goal {
        switch self {
        case .loss: .lowest
        case .metric(let metric, _): metric.isBetterHigher ? .highest : .lowest
        }
    }
}

extension MonitoredFigure: Codable {
    /// Reads a name.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let figure = MonitoredFigure(named: text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "the name of a figure, such as validation_loss or validation_f1_macro")
        }
        self = figure
    }

    /// Writes the name.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(name)
    }
}
