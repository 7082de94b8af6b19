import MartletGraph
import MartletTensor

/// How each quantizable layer's input becomes 8-bit integers: found by running a model on examples, a value to save beside its
/// weights.
///
///     let calibration = Calibration(of: model, on: batches)
///     let quick = QuantizedModel(model, calibration)
public struct Calibration: Codable, Hashable, Sendable {
    /// How a layer's largest input is chosen.
    public enum Method: Hashable, Sendable {
        /// The largest magnitude that was met.
        case largest
        /// The magnitude that this percentage of all inputs stays below; the rest is clipped, and the others are told apart more
        /// finely.
        case percentile(Double)
    }

    /// A layer's input in integers: x ≈ scale·q.
    public struct Input: Codable, Hashable, Sendable {
        /// The distance between neighbouring values.
        public let scale: Float
        /// int8 where some input was negative, else uint8.
        public let isSigned: Bool
    }

    /// By the layer's path in the model (`layer1.0.conv1`).
    public let inputs: [String: Input]

    /// Runs `model` in evaluation on each batch and notes what its convolutions and linear layers see.
    ///
    /// A few hundred examples of training data are enough. Stops where there are none.
    public init(of model: some Layer, on batches: some Sequence<Tensor>, method: Method = .percentile(99.99)) {
        var ranges: [String: InputRange] = [:]
        let paths = Dictionary(
            model.namedModules.map { (ObjectIdentifier($0.module), $0.name) }, uniquingKeysWith: { first, _ in first })
        let modes = model.modeSwitches.map { ($0, $0.isTraining) }
        model.eval()
        defer { for (mode, isTraining) in modes { mode.isTraining = isTraining } }
        var count = 0
        for batch in batches {
            count += 1
            withoutGradient {
                // Each input is read as it is met: nothing is asked of the output.
                _ = withForwardPreHook { layer, input in
                    if layer is any QuantizableLayer, let path = paths[ObjectIdentifier(layer)] {
                        ranges[path, default: InputRange()].add(input)
                    }
                    return nil
                } _: {
                    model(batch)
                }
            }
        }
        if count == 0 { stop("Calibration: no batch to run the model on") }
        inputs = ranges.mapValues { $0.input(method) }
    }
}

/// What a layer saw: how many inputs there were of each magnitude, told apart to a 1,024th.
private struct InputRange {
    private var largest: Float = 0
    private var isSigned = false
    /// By exponent and the first ten bits of the significand.
    private var counts: [Int] = []
    private static let droppedBits = Float.significandBitCount - 10

    mutating func add(_ input: Tensor) {
        if counts.isEmpty { counts = Array(repeating: 0, count: Int(Float.infinity.bitPattern >> Self.droppedBits)) }
        for value in input.detached().array() where value.isFinite {
            let magnitude = abs(value)
            largest = max(largest, magnitude)
            if value < 0 { isSigned = true }
            counts[Int(magnitude.bitPattern >> Self.droppedBits)] += 1
        }
    }

    /// The magnitude that this share of the inputs does not exceed: the largest that is counted with it.
    private func magnitude(below share: Double) -> Float {
        let rank = Int(Double(counts.reduce(0, +)) * share)
        var passed = 0
        for (index, count) in counts.enumerated() {
            passed += count
            guard passed > rank else { continue }
            // The first are 0, or as good as 0.
            return index == 0 ? 0 : min(largest, Float(bitPattern: UInt32(index + 1) << Self.droppedBits).nextDown)
        }
        return largest
    }

    func input(_ method: Calibration.Method) -> Calibration.Input {
        var limit = largest
        if case .percentile(let percent) = method { limit = magnitude(below: min(1, max(0, percent / 100))) }
        // Inputs that were all 0 keep any scale.
        if limit == 0 { limit = largest > 0 ? largest : 1 }
        return Calibration.Input(scale: limit / (isSigned ? 127 : 255), isSigned: isSigned)
    }
}
