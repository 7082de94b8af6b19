import Foundation

/// What the numbers of a tensor look like.
public struct TensorStatistics: Sendable, Codable, Equatable {
    /// Their mean.
    public let mean: Double
    /// Their standard deviation around it (biased).
    public let deviation: Double
    /// ‖x‖₂.
    public let norm: Double
    /// The largest |x|.
    public let largest: Double
    /// The share of those that are 0.
    public let zeroShare: Double
    /// The share within 0.01 of an end of the layer's range, where its slope is all but 0; nil for layers without ends.
    public let saturatedShare: Double?
}

/// What ``LayerStatistics`` saw in a step: a row a layer.
public struct LayerReport: Sendable, Equatable {
    /// A layer.
    public struct Row: Sendable, Codable, Equatable {
        /// The layer's path in the model.
        public let layer: String
        /// The name of its class.
        public let type: String
        /// Its output; nil where the layer did not run, or does not show its calls.
        public let activations: TensorStatistics?
        /// The gradient of its output; nil where `backward()` did not reach it.
        public let gradient: TensorStatistics?
        /// ‖g‖₂ over the layer's own parameters; nil where none has a gradient.
        public let gradientNorm: Double?
        /// ‖p‖₂ over the same parameters.
        public let weightNorm: Double?

        /// ‖g‖₂ / ‖p‖₂: how much of the weights a step of rate 1 would replace; nil where the weights are all 0.
        public var gradientRatio: Double? {
            guard let gradientNorm, let weightNorm, weightNorm != 0 else { return nil }
            return gradientNorm / weightNorm
        }
    }

    /// What is wrong with a layer.
    public struct Warning: Sendable, Equatable, CustomStringConvertible {
        /// The kinds.
        public enum Kind: String, Sendable, CaseIterable {
            /// Every activation was 0, throughout the window.
            case dead
            /// The gradient was too small beside the weights, throughout the window.
            case vanishing
            /// The gradient was too large beside the weights, or no number.
            case exploding
        }
        /// What is wrong.
        public let kind: Kind
        /// The layer's path.
        public let layer: String
        /// The step in which it was seen, from 1 on.
        public let step: Int
        let detail: String

        /// One line.
        public var description: String { "layer \(layer) \(detail) (step \(step))" }
    }

    /// The step, from 1 on.
    public let step: Int
    /// The layers in the order of the model.
    public let rows: [Row]
    /// What had not been warned of before.
    public let warnings: [Warning]

    /// A table in at most 80 columns, and the warnings below it.
    ///
    /// Columns: the output's mean, standard deviation, largest magnitude, share of zeros and of saturated elements, the
    /// gradient's norm over the layer's parameters, and the same beside the norm of the parameters.
    public func lines(for terminal: Terminal) -> [String] {
        let titles = ["mean", "std", "max", "zero", "sat", "grad", "g/w"]
        var table = TerminalTable([.init("Layer")] + titles.map { .init($0, .right) })
        for row in rows {
            let (out, share) = (
                row.activations, { (share: Double?) in share.map { NumberText.percent($0, decimals: 0) } }
            )
            let numbers = [out?.mean, out?.deviation, out?.largest].map(Self.text)
            let shares = [share(out?.zeroShare), share(out?.saturatedShare)].map { $0 ?? "" }
            let rest = [row.gradientNorm, row.gradientRatio].map(Self.text)
            let name = row.layer.isEmpty ? row.type : row.layer
            table.add(([name] + numbers + shares + rest).map { .text($0) })
        }
        let width = min(terminal.width(), Terminal.usualWidth)
        return table.lines(width: width, unicode: terminal.isUnicode) + warnings.map { "warning: \($0)" }
    }

    private static func text(_ number: Double?) -> String {
        guard let number else { return "" }
        return number.isFinite && number != 0 ? String(format: "%.1e", number) : NumberText.fixed(number, decimals: 0)
    }

    /// A JSON object a layer, each on a line of its own, without the line's end; numbers that are not finite are `null`.
    public func jsonLines() throws -> [String] { try rows.map { try JSONLines.line(Line(step: step, row: $0)) } }

    private struct Line: Encodable {
        let step: Int
        let row: Row

        private enum CodingKeys: String, CodingKey {
            case event, step, layer, type, activations, gradient
            case gradientNorm = "gradient_norm"
            case weightNorm = "weight_norm"
        }

        func encode(to encoder: any Encoder) throws {
            var fields = encoder.container(keyedBy: CodingKeys.self)
            try fields.encode("layer", forKey: .event)
            try fields.encode(step, forKey: .step)
            try fields.encode(row.layer, forKey: .layer)
            try fields.encode(row.type, forKey: .type)
            try fields.encodeIfPresent(row.activations, forKey: .activations)
            try fields.encodeIfPresent(row.gradient, forKey: .gradient)
            try fields.encodeIfPresent(row.gradientNorm, forKey: .gradientNorm)
            try fields.encodeIfPresent(row.weightNorm, forKey: .weightNorm)
        }
    }
}

extension TensorStatistics {
    private enum CodingKeys: String, CodingKey {
        case mean, norm
        case deviation = "std"
        case largest = "max"
        case zeroShare = "zeros"
        case saturatedShare = "saturated"
    }
}
