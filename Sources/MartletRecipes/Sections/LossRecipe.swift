import MartletNN
import MartletTensor

/// The loss of a recipe.
///
///     loss: mse
///     loss: {kind: cross_entropy, label_smoothing: 0.1}
public struct LossRecipe: Sendable {
    /// Its name; nil where the labels decide.
    public let kind: String?
    private let build: @Sendable (_ kind: String) -> Function

    /// The mean loss of outputs and labels.
    public typealias Function = @Sendable (Tensor, Tensor) -> Tensor

    private static let kinds = [
        "cross_entropy", "multi_margin", "mse", "l1", "smooth_l1", "huber", "poisson",
    ]

    init(_ map: RecipeMap) throws {
        let kind = map.has("kind") ? try map.name("kind", among: Self.kinds) : nil
        self.kind = kind
        let isOpen = kind == nil
        let smoothing =
            isOpen || kind == "cross_entropy" ? try map.number("label_smoothing", default: 0, in: 0...1) : 0
        let beta = kind == "smooth_l1" ? try map.number("beta", default: 1, in: .positive) : 1
        let delta = kind == "huber" ? try map.number("delta", default: 1, in: .positive) : 1
        build = { kind in
            switch kind {
            case "cross_entropy": { crossEntropy($0, $1, labelSmoothing: smoothing) }
            case "multi_margin": { multiMarginLoss($0, $1) }
            case "poisson": { poissonNegativeLogLikelihood($0.alike($1), $1.numbers) }
            case "l1": { meanAbsoluteError($0.alike($1), $1.numbers) }
            case "smooth_l1": { smoothL1Loss($0.alike($1), $1.numbers, beta: beta) }
            case "huber": { huberLoss($0.alike($1), $1.numbers, delta: delta) }
            default: { meanSquaredError($0.alike($1), $1.numbers) }
            }
        }
    }

    /// Whether the loss is of classes; nil where the labels decide.
    var isOfClasses: Bool? { kind.map { $0 == "cross_entropy" || $0 == "multi_margin" } }

    /// What a network's outputs say of labels that are numbers: themselves, or of a Poisson rate's logarithm the rate.
    func predictions(_ outputs: Tensor) -> Tensor { kind == "poisson" ? outputs.exp() : outputs }

    /// The loss for labels that are classes, or numbers: where no loss is named, cross entropy or the mean square.
    public func function(isClasses: Bool) -> Function { build(kind ?? (isClasses ? "cross_entropy" : "mse")) }
}

extension Tensor {
    /// Outputs `[batch, 1]` as the labels are, `[batch]`.
    fileprivate func alike(_ labels: Tensor) -> Tensor {
        rank == labels.rank + 1 && shape[rank - 1] == 1 ? reshape(labels.shape) : self
    }

    /// Labels as numbers to compare outputs with.
    fileprivate var numbers: Tensor { dtype.isFloatingPoint ? self : to(dtype: .float32) }
}
