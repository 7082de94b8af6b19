import MartletGraph
import MartletNN
import MartletTensor

/// What L-BFGS remembers from one iteration to the next: the last pairs, and where the last step went.
struct LBFGSMemory {
    /// Iterations so far.
    var iterations = 0
    /// The gradient before the last step, and the step's length.
    var gradient: Tensor?
    var step = 0.0
    private var direction: Tensor?
    private var pairs: [(y: Tensor, s: Tensor, ratio: Double)] = []
    /// y·s / y·y of the last pair: the scale of H before the pairs.
    private var scale = 1.0

    init() {}

    /// -H·g after the pair of the last step.
    mutating func direction(_ gradient: Tensor, historySize: Int) -> Tensor {
        withoutGradient {
            guard let last = direction, let before = self.gradient else {
                direction = -gradient
                return -gradient
            }
            remember(y: gradient - before, s: last * step, historySize)
            var q = -gradient
            var weights: [Double] = []
            for pair in pairs.reversed() {
                let alpha = product(pair.s, q) * pair.ratio
                q = q - alpha * pair.y
                weights.append(alpha)
            }
            q = q * scale
            for (pair, alpha) in zip(pairs, weights.reversed()) {
                let beta = product(pair.y, q) * pair.ratio
                q = q + (alpha - beta) * pair.s
            }
            direction = q
            return q
        }
    }

    private mutating func remember(y: Tensor, s: Tensor, _ historySize: Int) {
        let curvature = product(y, s)
        guard curvature > 1e-10 else { return }
        if pairs.count >= max(1, historySize) { pairs.removeFirst() }
        pairs.append((y, s, 1 / curvature))
        scale = curvature / product(y, y)
    }

    private func product(_ a: Tensor, _ b: Tensor) -> Double { (a * b).sum().item(as: Double.self) }

    // MARK: In checkpoints

    private static let prefix = "curvature."

    static func owns(_ name: String) -> Bool { name.hasPrefix(prefix) }

    /// Everything by name; empty before the first step.
    var tensors: [String: Tensor] {
        guard let gradient, let direction else { return [:] }
        var tensors = [Self.prefix + "gradient": gradient, Self.prefix + "direction": direction]
        tensors[Self.prefix + "numbers"] = onNoDevice {
            let numbers = [Double(iterations), step, scale] + pairs.map(\.ratio)
            return Tensor(numbers, shape: [numbers.count], dtype: .float64)
        }
        for (index, pair) in pairs.enumerated() {
            tensors["\(Self.prefix)y.\(index)"] = pair.y
            tensors["\(Self.prefix)s.\(index)"] = pair.s
        }
        return tensors
    }

    /// From a saved state; nothing saved is a beginning.
    init(_ tensors: [String: Tensor], elementCount: Int) throws(StateDictionaryError) {
        var found = tensors.filter { Self.owns($0.key) }
        guard !found.isEmpty else { return }
        var error = StateDictionaryError()
        func take(_ name: String, _ shape: Shape?) -> Tensor? {
            guard let tensor = found.removeValue(forKey: Self.prefix + name) else {
                error.missing.append(Self.prefix + name)
                return nil
            }
            if let shape, tensor.shape != shape {
                error.misshapen.append("\(Self.prefix)\(name) (expected \(shape), found \(tensor.shape))")
            }
            return tensor
        }
        gradient = take("gradient", [elementCount])
        direction = take("direction", [elementCount])
        let numbers = take("numbers", nil)?.array(as: Double.self) ?? []
        if numbers.count < 3 {
            error.misshapen.append("\(Self.prefix)numbers (expected three numbers or more, found \(numbers.count))")
        } else {
            // What is no count counts nothing.
            (iterations, step, scale) = (Int(exactly: numbers[0]) ?? 0, numbers[1], numbers[2])
        }
        for (index, ratio) in numbers.dropFirst(3).enumerated() {
            if let y = take("y.\(index)", [elementCount]), let s = take("s.\(index)", [elementCount]) {
                pairs.append((y, s, ratio))
            }
        }
        error.unexpected = found.keys.sorted()
        if error != StateDictionaryError() { throw error }
    }
}
