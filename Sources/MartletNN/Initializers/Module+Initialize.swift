import MartletGraph
import MartletTensor

extension Module {
    /// Draws all weights and biases anew: those of normalisations, whose ones and zeros mean something, stay as they are, and so do
    /// the norms of `WeightNorm`.
    ///
    /// A parameter whose name ends with a part that begins with `bias`, or ends in `_bias`, is a bias; of the others those with
    /// two axes or more are weights. One-axis parameters that are no biases, such as the slopes of `PReLU`, stay. A parameter that
    /// is shared is drawn once.
    ///
    ///     model.initialize(weights: .heNormal(), biases: .zeros)
    ///
    /// - Parameters:
    ///   - weights: what weights start from; nil leaves them.
    ///   - biases: what biases start from; nil leaves them.
    public func initialize(weights: Initializer? = nil, biases: Initializer? = nil) {
        var seen = Set(normalizationParameters)
        for (name, parameter) in namedParameters where seen.insert(ObjectIdentifier(parameter)).inserted {
            let last = name.split(separator: ".").last ?? ""
            let isBias = last.hasPrefix("bias") || last.hasSuffix("_bias")
            guard let initializer = isBias ? biases : parameter.shape.rank >= 2 ? weights : nil else { continue }
            parameter.update { initializer($0.shape, dtype: $0.dtype) }
        }
    }

    /// The scales and shifts of every normalisation in the tree.
    private var normalizationParameters: [ObjectIdentifier] {
        namedModules.compactMap { $0.module as? any Normalization }.flatMap(\.scalesAndShifts).map {
            ObjectIdentifier($0)
        }
    }
}

/// A layer with parameters that scale or shift what is normalised already: they keep their start, whatever the network's weights
/// start from.
protocol Normalization: Module {
    var scalesAndShifts: [Parameter] { get }
}

extension Normalization {
    /// All of its parameters.
    var scalesAndShifts: [Parameter] { parameters }
}

extension BatchNorm1d: Normalization {}
extension BatchNorm2d: Normalization {}
extension BatchNorm3d: Normalization {}
extension InstanceNorm1d: Normalization {}
extension InstanceNorm2d: Normalization {}
extension InstanceNorm3d: Normalization {}
extension LayerNorm: Normalization {}
extension GroupNorm: Normalization {}
extension RMSNorm: Normalization {}
extension WeightNorm: Normalization {
    var scalesAndShifts: [Parameter] { [magnitude] }
}
