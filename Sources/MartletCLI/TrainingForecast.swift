import Martlet
import MartletRecipes

/// A run whose memory is forecast from the plans of a call and of a training step: by the recipe where there is one, by what is
/// given in its place, and else by what is usual.
struct TrainingForecast {
    /// Samples in a batch.
    let batchSize: Int
    private let optimizerName: String
    private let lossName: String
    private let settings: TrainingSettings
    private let recipe: Recipe?

    private let layer: any Layer
    private let input: Shape
    private let labels: ForecastLabels
    private let optimizer: Optimizer
    private let loss: (Tensor, Tensor) -> Tensor
    private let average: WeightAverage?
    private let scaler: LossScaler?

    /// A run that trains a layer.
    ///
    /// - Parameters:
    ///   - sample: one sample's shape.
    ///   - labels: what the layer is trained on.
    ///   - recipe: what it is trained by; nil for one sample at a time, Adam, float32 and cross entropy.
    ///   - kind: in place of the recipe's; one of the recipe's own kind keeps the recipe's settings.
    ///   - batchSize: in place of the recipe's.
    /// - Throws: `RecipeError` where the recipe's optimizer does not go with the layer; a usage error where its step is no one
    ///   plan.
    init(
        _ layer: any Layer, sample: Shape, labels: ForecastLabels, recipe: Recipe?,
        optimizer kind: OptimizerRecipe.Kind?, batchSize: Int?
    ) throws {
        (self.layer, self.labels, self.recipe) = (layer, labels, recipe)
        let settings = recipe?.training.settings ?? TrainingSettings()
        let size = batchSize ?? recipe?.training.batchSize ?? 1
        let (optimizer, name) = try Self.optimizer(layer, recipe, kind)
        (self.settings, self.batchSize, input) = (settings, size, Shape([size] + sample.sizes))
        (self.optimizer, optimizerName) = (optimizer, name)
        lossName = recipe?.loss.kind ?? (labels.isClasses ? "cross_entropy" : "mse")
        if let recipe {
            loss = recipe.loss.function(isClasses: labels.isClasses)
        } else {
            loss = { crossEntropy($0, $1) }
        }
        scaler = settings.precision == .float16 ? LossScaler(optimizer) : nil
        average = settings.average.map { WeightAverage(of: layer, $0.form) }
        // An equal average is renewed by no step, and held by all but the first epoch's.
        if settings.average?.kind == .equal { average?.update() }
    }

    private static func optimizer(
        _ layer: any Layer, _ recipe: Recipe?, _ kind: OptimizerRecipe.Kind?
    ) throws -> (Optimizer, String) {
        guard let own = recipe?.optimizer, kind == nil || kind == own.kind else {
            let kind = kind ?? .adam
            return (kind.usual(layer), kind.rawValue)
        }
        try own.kind.requireSingleGradient("the recipe's optimizer")
        let optimizer = try own.make(layer)
        return (optimizer, name(of: optimizer, own.kind))
    }

    private static func name(of optimizer: Optimizer, _ kind: OptimizerRecipe.Kind) -> String {
        if let sam = optimizer as? SAM { return "sam of \(name(of: sam.base, kind))" }
        return optimizer is Lookahead ? "lookahead of \(kind.rawValue)" : kind.rawValue
    }

    // MARK: What is assumed

    /// What the forecast is of: batch, optimizer, precision, loss, and what of the recipe's other settings takes memory.
    var assumptions: [String] {
        var texts = ["batch \(batchSize)", optimizerName, settings.precision.rawValue, lossName]
        if settings.accumulatedBatches > 1 { texts.append("\(settings.accumulatedBatches) batches a step") }
        let changes = [
            ("clip_value", settings.gradientValueLimit != nil), ("adaptive_clipping", settings.adaptiveClipping != nil),
            ("clip_norm", settings.gradientNormLimit != nil), ("gradient_noise", settings.gradientNoise != nil),
        ]
        texts += changes.filter { $0.1 }.map { $0.0 }
        if let average = settings.average { texts.append("\(average.kind.rawValue) average") }
        return texts
    }

    /// What a run by the recipe has in memory besides, and no plan of a step shows.
    var omissions: [String] {
        guard let recipe else { return [] }
        var texts = ["held-out data, measured in batches of their own"]
        if recipe.training.workers > 0 { texts.append("batches that workers read ahead") }
        if recipe.batchAugmentation != nil { texts.append("the work of batch_augmentation") }
        if recipe.training.statistics != nil { texts.append("the statistics of layers") }
        return texts
    }

    /// True where the run holds an average of the weights.
    var hasAverage: Bool { average != nil }

    /// The optimizer, the precision and the loss by name.
    var names: (optimizer: String, precision: String, loss: String) {
        (optimizerName, settings.precision.rawValue, lossName)
    }

    // MARK: Plans

    /// The memory of a call in inference.
    func inference() throws -> MemoryForecast {
        try settings.precision.running { try layer.memory(input: input) }
    }

    /// The memory of training steps after the first: in `state` the layer's buffers come first, then what the optimizer carries
    /// along, then the average, then the loss's scale.
    func training() throws -> MemoryForecast {
        layer.train()
        return try plan(layer)
    }

    private func plan(_ layer: some Layer) throws -> MemoryForecast {
        let step = compile(updating: layer, optimizer, Companion(average), Companion(scaler)) {
            (x: Tensor, y: Tensor) in take(x, y)
        }
        let answers = Shape([batchSize] + labels.shape.sizes)
        return try step.memory(Tensor.zeros(input), Tensor.zeros(answers, dtype: labels.dtype))
    }

    /// A step as the trainer takes it, in one plan: where gradients stay between the trainer's plans, they stay here.
    private func take(_ x: Tensor, _ y: Tensor) -> Tensor {
        let accumulates = settings.accumulatedBatches > 1
        let keepsGradients = accumulates || optimizer.evaluatesRepeatedly
        // The last of several batches adds to what the others gave.
        if !accumulates || optimizer.evaluatesRepeatedly { optimizer.zeroGradients() }
        if let sam = optimizer as? SAM {
            _ = backward(x, y)
            sam.ascend()
        }
        let value = backward(x, y)
        scaler?.unscale()
        limitGradients()
        if let scaler {
            scaler.step(keepingGradients: keepsGradients)
        } else {
            optimizer.step(keepingGradients: keepsGradients)
        }
        if settings.average?.kind == .exponential { average?.update() }
        return value
    }

    private func backward(_ x: Tensor, _ y: Tensor) -> Tensor {
        let outputs = settings.precision.running { layer(x) }
        let value = settings.precision.running { loss(outputs, y) }
        if let scaler { scaler.backward(value) } else { value.backward() }
        return value.detached()
    }

    private func limitGradients() {
        let parameters = layer.parameters
        settings.clipGradients(of: parameters)
        settings.gradientNoise?.add(to: parameters, step: 0)
    }
}

/// What the labels of a training batch are.
struct ForecastLabels {
    /// Whether they are classes, which decides on a loss that is not named.
    let isClasses: Bool
    /// The shape of one sample's label.
    let shape: Shape
    /// Their type.
    let dtype: DataType
}

extension ForecastLabels {
    /// Classes.
    static var classes: ForecastLabels { ForecastLabels(isClasses: true, shape: [], dtype: .int64) }

    /// Those of a recipe's training data.
    ///
    /// - Throws: what reading the first sample throws.
    init(of data: RecipeData) throws {
        let label = try data.train[0].label
        self.init(isClasses: data.train.classCount != nil, shape: label.shape, dtype: label.dtype)
    }

    /// Those that a trained layer, in evaluation mode, has outputs for: a single output stands for a number.
    init(fitting layer: any Layer, sample: Shape) {
        let output = withoutGradient { layer(Tensor.zeros(Shape([2] + sample.sizes))).shape }
        guard output.elementCount == 2 else {
            self = .classes
            return
        }
        self.init(isClasses: false, shape: [1], dtype: .float32)
    }
}

/// What a run may renew besides its network and its optimizer.
private struct Companion: StateHolder {
    let holder: (any StateHolder)?
    init(_ holder: (any StateHolder)?) { self.holder = holder }
    var stateSlots: [StateSlot] { holder?.stateSlots ?? [] }
    var stateNumbers: [StateNumber] { holder?.stateNumbers ?? [] }
}
