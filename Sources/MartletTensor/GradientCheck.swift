import MartletGraph

/// What `checkGradient` found.
public struct GradientReport: Sendable, CustomStringConvertible {
    /// The largest |derivative - difference| / max(1, |derivative|, |difference|).
    public let worstError: Double
    /// The argument and the row-major position where it was found.
    public let argument: Int
    /// The row-major position of the element in that argument.
    public let position: Int
    /// What reverse mode and the differences say there.
    public let derivative: Double
    /// What the central difference says there.
    public let difference: Double
    /// True where the error is within the tolerance.
    public let passed: Bool

    /// One line: outcome, place, both derivatives, error.
    public var description: String {
        "gradient check \(passed ? "passed" : "failed"): argument \(argument), element \(position): "
            + "derivative \(derivative), difference \(difference), relative error \(worstError)"
    }
}

/// Compares the gradient of a scalar function with central differences, in float64.
///
///     (f(x + h·eᵢ) - f(x - h·eᵢ)) / 2h
///
/// With `order` 2, a fixed weighting of the gradient is differentiated once more.
public func checkGradient(
    of function: @escaping ([Tensor]) -> Tensor, at arguments: [Tensor], order: Int = 1, step: Double = 1e-5,
    tolerance: Double = 1e-6
) -> GradientReport {
    guard order == 1 || order == 2 else { stop("checkGradient: order \(order); 1 and 2 are known") }
    let points = arguments.map { $0.detached().to(dtype: .float64) }
    let first = { (x: [Tensor]) -> Tensor in function(x).to(dtype: .float64) }
    let checked = order == 1 ? first : { weighted(gradient(of: first)($0)) }
    return compared(checked, points, step, tolerance)
}

/// `checkGradient` of a function of one tensor.
public func checkGradient(
    of function: @escaping (Tensor) -> Tensor, at argument: Tensor, order: Int = 1, tolerance: Double = 1e-6
) -> GradientReport {
    checkGradient(of: { (x: [Tensor]) in function(x[0]) }, at: [argument], order: order, tolerance: tolerance)
}

/// Σ w·g over all gradients, w different for each element.
private func weighted(_ gradients: [Tensor]) -> Tensor {
    gradients.enumerated().reduce(Tensor.zeros([], dtype: .float64)) { total, entry in
        let count = entry.element.elementCount
        let weights = (Tensor.arange(count).to(dtype: .float64) + Double(entry.offset + 1)).sin() + 1.5
        return total + (entry.element.flattened() * weights).sum()
    }
}

private func compared(
    _ function: @escaping ([Tensor]) -> Tensor, _ points: [Tensor], _ step: Double, _ tolerance: Double
) -> GradientReport {
    let derivatives = gradient(of: function)(points).map { $0.array(as: Double.self) }
    var worst = GradientReport(worstError: -1, argument: 0, position: 0, derivative: 0, difference: 0, passed: true)
    for (argument, point) in points.enumerated() {
        let numbers = point.array(as: Double.self)
        func value(_ position: Int, _ shift: Double) -> Double {
            var moved = numbers
            moved[position] += shift
            var all = points
            all[argument] = Tensor(moved, shape: point.shape)
            return function(all).item(as: Double.self)
        }
        for position in numbers.indices {
            let width = step * max(1, abs(numbers[position]))
            let difference = (value(position, width) - value(position, -width)) / (2 * width)
            let derivative = derivatives[argument][position]
            let error = abs(derivative - difference) / max(1, abs(derivative), abs(difference))
            if !worst.worstError.isNaN, !(error <= worst.worstError) {
                worst = GradientReport(
                    worstError: error, argument: argument, position: position, derivative: derivative,
                    difference: difference, passed: error <= tolerance)
            }
        }
    }
    return worst
}
