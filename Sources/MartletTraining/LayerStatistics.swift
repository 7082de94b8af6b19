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
    ///
    /// - Parameters:
    ///   - outputScale: what the loss was multiplied by before `backward()`, a number of no axes: the figures are those of the
    ///     loss itself. Nil where by nothing.
    ///   - parameterScale: the same of the parameters' gradients, as far as they still have it.
    public func collect(
        outputGradientsOver outputScale: Tensor? = nil, parameterGradientsOver parameterScale: Tensor? = nil
    ) {
        guard isDue.isOn else { return }
        withoutGradient {
            let absent = Tensor.full([Self.width], Float.nan)
            let rows = layers.indices.map { index in
                concatenated([
                    gathered.output(index) ?? absent,
                    Self.unscaled(gathered.gradient(index) ?? absent, outputScale, at: 1..<5),
                    Self.unscaled(Self.norms(of: layers[index].parameters), parameterScale, at: 1..<2),
                ])
            }
            figures.tensor = stacked(rows)
        }
        gathered.clear()
    }

    /// A row's figures that grow with a scale, without it.
    private static func unscaled(_ row: Tensor, _ scale: Tensor?, at places: Range<Int>) -> Tensor {
        guard let scale else { return row }
        let mask = (0..<row.shape[0]).map { places.contains($0) }
        let plain = onNoDevice { Tensor(mask.map { $0 ? 0 : 1 }, shape: row.shape, dtype: .float64) }
        let divided = onNoDevice { Tensor(mask.map { $0 ? 1 : 0 }, shape: row.shape, dtype: .float64) }
        return row * (plain + divided / scale).to(dtype: row.dtype)
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

    /// Passes over a step that turned out not to have been taken: the next one is looked at in its place.
    public func discard() { figures.tensor = nil }

    // MARK: State

    /// What a checkpoint keeps, between two steps: how long it is to the next report, and which layers are watched.
    public struct State: Codable, Hashable, Sendable {
        var taken: Int
        var watch: LayerWatch
    }

    /// Where in its rhythm it is, and what it has warned of.
    public var state: State { State(taken: taken, watch: lookout) }

    /// Continues from a saved state; nothing changes where it is of other layers.
    public func load(_ state: State) throws(StateDictionaryError) {
        guard state.taken >= 0, state.watch.fits(lookout) else {
            var error = StateDictionaryError()
            error.misshapen.append("statistics (expected those of \(layers.count) layers)")
            throw error
        }
        (taken, lookout) = (state.taken, state.watch)
        isDue.isOn = taken % every == 0
        figures.tensor = nil
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
