import MartletGraph
import MartletNN
import MartletTensor

/// Scales all gradients together so that their norm is at most `limit`; gives the norm before. Reads nothing.
///
///     g ← g · min(1, limit / (‖g‖₂ + 10⁻⁶)),  ‖g‖₂ over all parameters
///
/// Source: R. Pascanu et al. (2013), in the form of torch.nn.utils.clip_grad_norm_.
@discardableResult
public func clipGradientNorm(_ parameters: [Parameter], to limit: Double) -> Tensor {
    withoutGradient {
        let found = parameters.compactMap { parameter in parameter.gradient.map { (parameter, $0) } }
        guard let first = found.first else { return Tensor.zeros([]) }
        let squares = found.map { $1.square().sum() }
        let norm = squares.dropFirst().reduce(squares[0], +).sqrt()
        let scale = minimum(limit / (norm + 1e-6), Tensor.ones(like: first.1.sum()))
        for (parameter, gradient) in found { parameter.gradient = gradient * scale }
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
