import MartletGraph
import MartletNN
import MartletTensor

/// Activations and gradients of every layer, every so many steps: vanishing and exploding gradients made visible.
///
///     let statistics = LayerStatistics(of: model, every: 100)
///     for batch in loader {
///         optimizer.zeroGradients()
///         let loss = statistics.watch { crossEntropy(model(batch.inputs), batch.labels) }
///         loss.backward()
///         statistics.collect()
///         optimizer.step()
///         if let report = statistics.advance() { print(report.lines(for: .standardOutput).joined(separator: "\n")) }
///     }
///
/// The figures are part of the step's graph and are read by `advance()` once, in steps that are due; other steps are as they
/// would be without. In a compiled step name the statistics beside the model, and call `advance()` outside:
///
///     let step = compile(updating: model, optimizer, statistics) { … statistics.watch { … } … statistics.collect() … }
///
/// A step that is due is then another plan than one that is not. Of a layer that runs twice in a step the last call counts.
/// A layer is seen where its body goes through `observed`, as all of this library do.
public final class LayerStatistics: StateHolder {
    /// When a layer is warned of; each kind once a layer.
    public struct Limits: Sendable, Codable, Hashable {
        /// The reports in a row that make a layer dead or its gradient vanishing.
        public var window: Int
        /// ‖g‖₂ / ‖p‖₂ below which a gradient vanishes. 2⁻²⁴: a step of rate 1 is lost when a float32 weight is rounded.
        public var vanishing: Double
        /// ‖g‖₂ / ‖p‖₂ above which it explodes. 100: a step of rate 0.01 is as large as the weights.
        public var exploding: Double

        /// Limits.
        public init(window: Int = 5, vanishing: Double = 0x1p-24, exploding: Double = 100) {
            (self.window, self.vanishing, self.exploding) = (window, vanishing, exploding)
        }
    }

    /// Steps from one report to the next; the first step has one.
    public let every: Int
    private let layers: [Layer]
    private let indexOfModule: [ObjectIdentifier: Int]
    private var lookout: LayerWatch
    /// Whether the next step is one to look at.
    private let isDue = ModeSwitch()
    /// A row a layer, as `collect()` laid them out.
    private let figures = StateSlot()
    private var taken = 0
    private let warn: (LayerReport.Warning) -> Void

    /// A layer, with the parameters that are its own.
    private struct Layer {
        let name: String
        let type: String
        let parameters: [Parameter]
    }

    /// Statistics of a model's layers.
    ///
    /// - Parameters:
    ///   - model: whose layers.
    ///   - every: steps from one report to the next.
    ///   - limits: when a layer is warned of.
    ///   - warn: called with what a report has to warn of; by default it goes to standard error.
    public init(
        of model: any Module, every: Int = 100, limits: Limits = Limits(),
        warn: @escaping (LayerReport.Warning) -> Void = { Terminal.standardError.write("martlet: warning: \($0)\n") }
    ) {
        guard every > 0, limits.window > 0 else {
            stop("LayerStatistics: every and the window must be at least 1, they are \(every) and \(limits.window)")
        }
        (self.every, self.warn) = (every, warn)
        let own = Dictionary(grouping: model.namedParameters) { name, _ in
            String(name.prefix(upTo: name.lastIndex(of: ".") ?? name.startIndex))
        }
        var index: [ObjectIdentifier: Int] = [:]
        var layers: [Layer] = []
        for (name, module) in model.namedModules where index[ObjectIdentifier(module)] == nil {
            index[ObjectIdentifier(module)] = layers.count
            layers.append(
                Layer(name: name, type: "\(Swift.type(of: module))", parameters: own[name]?.map(\.parameter) ?? []))
        }
        (self.layers, indexOfModule) = (layers, index)
        lookout = LayerWatch(limits, names: layers.map { $0.name.isEmpty ? $0.type : $0.name })
    }

    // MARK: In the step

    private let gathered = GatheredRows()

    /// Runs a forward pass and looks at it, and at the `backward()` that follows, where the step is due.
    public func watch<Result>(_ forward: () throws -> Result) rethrows -> Result {
        guard isDue.isOn else { return try forward() }
        gathered.clear()
        let (gathered, index) = (gathered, indexOfModule)
        let after: ForwardHook = { layer, _, output in
            guard let row = index[ObjectIdentifier(layer)] else { return }
            gathered.setOutput(row, Self.row(of: output, saturation: Saturation(layer)))
        }
        let backward: BackwardHook = { layer, gradient in
            guard let row = index[ObjectIdentifier(layer)] else { return nil }
            gathered.setGradient(row, Self.row(of: gradient, saturation: nil))
            return nil
        }
        return try withBackwardHook(backward) { try withForwardHook(after, forward) }
    }

    /// Takes in what was watched, and the gradients of the parameters as they are now: after `backward()`, and before
    /// anything clips them or the optimizer forgets them. Reads nothing.
    public func collect() {
        guard isDue.isOn else { return }
        withoutGradient {
            let absent = Tensor.full([Self.width], Float.nan)
            let rows = layers.indices.map { index in
                concatenated([
                    gathered.output(index) ?? absent, gathered.gradient(index) ?? absent,
                    Self.norms(of: layers[index].parameters),
                ])
            }
            figures.tensor = stacked(rows)
        }
        gathered.clear()
    }

    /// Ends a step: reads its figures where it was due.
    ///
    /// - Parameter step: the number that the report is to have; nil counts the calls of this method.
    /// - Returns: nil for a step that was not due, or in which nothing was collected.
    @discardableResult
    public func advance(step: Int? = nil) -> LayerReport? {
        taken += 1
        defer { isDue.isOn = taken % every == 0 }
        guard isDue.position, let tensor = figures.tensor else { return nil }
        figures.tensor = nil
        let numbers = tensor.array(as: Double.self)
        let rowWidth = 2 * Self.width + 3
        let all = layers.indices.map { index in
            row(layers[index], Array(numbers[(index * rowWidth)..<((index + 1) * rowWidth)]))
        }
        let warnings = lookout.look(at: all, step: step ?? taken)
        warnings.forEach(warn)
        let shown = all.filter { $0.activations != nil || $0.gradientNorm != nil }
        return LayerReport(step: step ?? taken, rows: shown, warnings: warnings)
    }

    /// The figures of a step that is due.
    public var stateSlots: [StateSlot] { [figures] }
    /// None.
    public var stateNumbers: [StateNumber] { [] }

    // MARK: The layout of a row

    /// Whether there are figures, mean, deviation, norm, largest, zeros, saturated.
    private static let width = 7

    private static func row(of tensor: Tensor, saturation: Saturation?) -> Tensor {
        withoutGradient {
            let x = tensor.detached().to(dtype: .float32)
            let magnitude = x.abs()
            func share(_ condition: Tensor) -> Tensor { condition.to(dtype: .float32).mean() }
            return stacked([
                Tensor.ones([]), x.mean(), x.standardDeviation(unbiased: false), x.square().sum().sqrt(),
                magnitude.max(), share(x .== 0),
                saturation.map { share($0.isSaturated(x)) } ?? Tensor.full([], Float.nan),
            ])
        }
    }

    /// Whether there are gradients, ‖g‖₂ and ‖p‖₂.
    private static func norms(of parameters: [Parameter]) -> Tensor {
        let pairs = parameters.compactMap { parameter in parameter.gradient.map { (parameter.value.detached(), $0) } }
        guard !pairs.isEmpty else { return Tensor.zeros([3]) }
        func norm(_ tensors: [Tensor]) -> Tensor {
            let squares = tensors.map { $0.to(dtype: .float32).square().sum() }
            return squares.dropFirst().reduce(squares[0], +).sqrt()
        }
        return stacked([Tensor.ones([]), norm(pairs.map(\.1)), norm(pairs.map(\.0))])
    }

    private func row(_ layer: Layer, _ numbers: [Double]) -> LayerReport.Row {
        func statistics(_ start: Int) -> TensorStatistics? {
            guard numbers[start] == 1 else { return nil }
            let saturated = numbers[start + 6]
            return TensorStatistics(
                mean: numbers[start + 1], deviation: numbers[start + 2], norm: numbers[start + 3],
                largest: numbers[start + 4], zeroShare: numbers[start + 5],
                saturatedShare: saturated.isNaN ? nil : saturated)
        }
        let hasNorms = numbers[2 * Self.width] == 1
        return LayerReport.Row(
            layer: layer.name, type: layer.type, activations: statistics(0), gradient: statistics(Self.width),
            gradientNorm: hasNorms ? numbers[2 * Self.width + 1] : nil,
            weightNorm: hasNorms ? numbers[2 * Self.width + 2] : nil)
    }
}

/// The ends of a layer's range.
private enum Saturation {
    /// Below 0.01 or above 0.99.
    case unit
    /// Below -0.99 or above 0.99.
    case symmetric

    init?(_ layer: any MartletNN.Layer) {
        switch layer {
        case is Sigmoid: self = .unit
        case is Tanh: self = .symmetric
        default: return nil
        }
    }

    func isSaturated(_ x: Tensor) -> Tensor {
        switch self {
        case .unit: (x .< 0.01) .| (x .> 0.99)
        case .symmetric: x.abs() .> 0.99
        }
    }
}

/// Rows on their way from the hooks to `collect()`.
///
/// `@unchecked Sendable`: touched under `lock` only; backward hooks may be called on another thread.
private final class GatheredRows: @unchecked Sendable {
    private let lock = Lock()
    private var outputs: [Int: Tensor] = [:]
    private var gradients: [Int: Tensor] = [:]

    func setOutput(_ index: Int, _ row: Tensor) { lock.withLock { outputs[index] = row } }
    /// `backward()` reaches the last call first.
    func setGradient(_ index: Int, _ row: Tensor) {
        lock.withLock { if gradients[index] == nil { gradients[index] = row } }
    }
    func output(_ index: Int) -> Tensor? { lock.withLock { outputs[index] } }
    func gradient(_ index: Int) -> Tensor? { lock.withLock { gradients[index] } }
    func clear() { lock.withLock { (outputs, gradients) = ([:], [:]) } }
}

/// Which layers have been dead or without a gradient for how long, and what was said of them.
private struct LayerWatch {
    private let limits: LayerStatistics.Limits
    private let names: [String]
    private var dead: [Int]
    private var vanishing: [Int]
    private var said = Set<String>()

    init(_ limits: LayerStatistics.Limits, names: [String]) {
        (self.limits, self.names) = (limits, names)
        dead = names.map { _ in 0 }
        vanishing = dead
    }

    /// What there is to warn of for the first time.
    mutating func look(at rows: [LayerReport.Row], step: Int) -> [LayerReport.Warning] {
        var warnings: [LayerReport.Warning] = []
        func number(_ value: Double) -> String { NumberText.loss(value) }
        for (index, row) in rows.enumerated() {
            func add(_ kind: LayerReport.Warning.Kind, _ detail: String) {
                guard said.insert("\(index) \(kind)").inserted else { return }
                warnings.append(LayerReport.Warning(kind: kind, layer: names[index], step: step, detail: detail))
            }
            dead[index] = row.activations?.zeroShare == 1 ? dead[index] + 1 : 0
            if dead[index] >= limits.window {
                add(.dead, "is dead: all its outputs were 0 in \(limits.window) reports")
            }
            let ratio = row.gradientRatio ?? .nan
            vanishing[index] = ratio < limits.vanishing ? vanishing[index] + 1 : 0
            if vanishing[index] >= limits.window {
                add(.vanishing, "has a vanishing gradient: its norm is \(number(ratio)) of the weights'")
            }
            if row.gradientNorm?.isFinite == false {
                add(.exploding, "has a gradient that is not a finite number")
            } else if ratio > limits.exploding {
                add(.exploding, "has an exploding gradient: its norm is \(number(ratio)) times the weights'")
            }
        }
        return warnings
    }
}
