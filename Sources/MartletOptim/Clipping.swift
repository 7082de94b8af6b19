import MartletGraph
import MartletNN
import MartletTensor

/// Scales all gradients together so that their norm is at most `limit`; gives the norm before. Reads nothing.
///
///     g ← g · min(1, limit / (‖g‖₂ + 10⁻⁶)),  ‖g‖₂ over all parameters
///
/// The norm is float32 at least, of gradients in 16 bits too; those stay what they are.
///
/// Source: R. Pascanu et al. (2013), in the form of torch.nn.utils.clip_grad_norm_.
@discardableResult
public func clipGradientNorm(_ parameters: [Parameter], to limit: Double) -> Tensor {
    withoutGradient {
        let found = parameters.compactMap { parameter in parameter.gradient.map { (parameter, $0) } }
        guard !found.isEmpty else { return Tensor.zeros([]) }
        let squares = Value.make(.composite(CompositeCall(SquaredNorm())), found.map(\.1.value))
        let norm = Tensor(squares).sqrt()
        let scale = minimum(limit / (norm + 1e-6), Tensor.ones(like: norm))
        for (parameter, gradient) in found { parameter.gradient = gradient.scaled(by: scale) }
        return norm
    }
}

/// Moves every element of every gradient into [-limit, limit].
public func clipGradientValue(_ parameters: [Parameter], to limit: Double) {
    withoutGradient {
        for parameter in parameters {
            parameter.gradient = parameter.gradient?.clipped(low: -limit, high: limit)
        }
    }
}

/// Scales each unit's gradient so that its norm is at most `limit` times the norm of the unit's weights: adaptive gradient
/// clipping.
///
///     gᵢ ← gᵢ · min(1, limit · max(‖pᵢ‖₂, ε) / ‖gᵢ‖₂)
///
/// A unit i is what makes one output: a row of a matrix or a filter of a convolution's weights (the first axis), and each
/// element of a parameter of fewer than two axes. The paper leaves out the last layer: pass the others.
///
/// Source: A. Brock et al., "High-performance large-scale image recognition without normalization" (2021), equation 3.
public func clipGradientsAdaptively(_ parameters: [Parameter], to limit: Double = 0.01, epsilon: Double = 1e-3) {
    withoutGradient {
        for parameter in parameters {
            guard let gradient = parameter.gradient else { continue }
            let axes = gradient.rank < 2 ? [] : Array(1..<gradient.rank)
            func unitNorms(_ tensor: Tensor) -> Tensor {
                let x = Tensor(tensor.value.forStatistics)
                return axes.isEmpty ? x.abs() : x.norm(axes: axes, keepingAxes: true)
            }
            let largest = limit * unitNorms(parameter.value.detached()).clipped(low: epsilon)
            let norms = unitNorms(gradient)
            // Where a norm is 0 there is nothing to scale; 10⁻⁶ is the authors' guard.
            let factor = minimum(largest / norms.clipped(low: 1e-6), Tensor.ones(like: norms))
            parameter.gradient = gradient.scaled(by: factor)
        }
    }
}

extension Tensor {
    /// x · factor, computed in the wider of both types and given in x's own.
    fileprivate func scaled(by factor: Tensor) -> Tensor { (self * factor).to(dtype: dtype) }
}
