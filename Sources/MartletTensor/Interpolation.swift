import MartletGraph

/// How `interpolate` finds values between positions.
public enum InterpolationMode: String, Sendable, Codable, CaseIterable {
    /// The position at or before the place.
    case nearest
    /// The two neighbours of each axis by distance: linear, bilinear or trilinear, by the number of axes.
    case linear
    /// Four neighbours of each axis by cubic polynomials (R. Keys, 1981, with a = -0.75): bicubic over images.
    case cubic
}

/// The spatial axes at another size, as torch.nn.functional.interpolate.
///
/// The place of output i along an axis is (i + ½)·scale - ½, scale = input size / output size; i·scale in float32 for `nearest`;
/// i·(input size - 1) / (output size - 1) with `alignsCorners`.
///
/// ## Shapes
/// - `[batch, channels, spatial...]` with 1 to 3 spatial axes → `[batch, channels] + size`
///
/// Integers are interpolated in floating point, rounded to the nearest (ties to even) and kept to what their type holds.
///
/// Stops where `size` has not one positive number for each spatial axis.
public func interpolate(
    _ x: Tensor, size: [Int], mode: InterpolationMode = .nearest, alignsCorners: Bool = false
) -> Tensor {
    guard x.rank >= 3, size.count == x.rank - 2, (size + x.shape.sizes.dropFirst()).allSatisfy({ $0 > 0 }) else {
        stop("interpolate(size: \(size)): a positive size for each spatial axis is expected, the shape is \(x.shape)")
    }
    return interpolated(
        x, size, zip(x.shape.sizes.dropFirst(2), size).map { Double($0) / Double($1) }, mode, alignsCorners)
}

/// The spatial axes larger by a factor: `interpolate` to ⌊size·factor⌋, with the scale 1 / factor.
public func interpolate(
    _ x: Tensor, by factor: Double, mode: InterpolationMode = .nearest, alignsCorners: Bool = false
) -> Tensor {
    let size = x.shape.sizes.dropFirst(2).map { Int((Double($0) * factor).rounded(.down)) }
    guard factor > 0, x.rank >= 3, (size + x.shape.sizes.dropFirst()).allSatisfy({ $0 > 0 }) else {
        stop("interpolate(by: \(factor)): no positions would be left of shape \(x.shape)")
    }
    return interpolated(x, size, size.map { _ in 1 / factor }, mode, alignsCorners)
}

private func interpolated(
    _ x: Tensor, _ size: [Int], _ scales: [Double], _ mode: InterpolationMode, _ alignsCorners: Bool
) -> Tensor {
    if mode != .nearest, let range = x.dtype.integerRange {
        // A neighbour's share is a fraction. float32 holds all numbers of one byte, not all of four.
        let wide = x.to(dtype: x.dtype.byteCount == 1 ? .float32 : .float64)
        return interpolated(wide, size, scales, mode, alignsCorners).round()
            .clipped(low: Double(range.lowerBound), high: Double(range.upperBound)).to(dtype: x.dtype)
    }
    var result = x
    for (index, (count, scale)) in zip(size, scales).enumerated() {
        let axis = index + 2
        if mode == .nearest, count % x.shape[axis] == 0, scale == Double(x.shape[axis]) / Double(count) {
            result = repeated(result, count / x.shape[axis], axis: axis)
            continue
        }
        let taps = InterpolationTap.all(from: x.shape[axis], to: count, scale: scale, mode, alignsCorners)
        var spread = [Int](repeating: 1, count: x.rank)
        spread[axis] = count
        let terms = taps.map { tap in
            let picked = result.indexSelect(axis: axis, indices: Tensor(tap.positions))
            guard let weights = tap.weights else { return picked }
            return picked * Tensor(weights, shape: Shape(spread)).to(dtype: x.dtype)
        }
        result = terms.dropFirst().reduce(terms[0]) { $0 + $1 }
    }
    return result
}

/// Each element of an axis `count` times.
private func repeated(_ x: Tensor, _ count: Int, axis: Int) -> Tensor {
    var sizes = x.shape.sizes
    sizes.insert(count, at: axis + 1)
    let wide = x.unsqueeze(axis: axis + 1).expand(Shape(sizes))
    return wide.flattened(from: axis, to: axis + 1)
}

/// One of the input's positions that each output is made of, and its share; a share of 1 where there are no weights.
private struct InterpolationTap {
    let positions: [Int]
    let weights: [Double]?

    static func all(
        from input: Int, to output: Int, scale: Double, _ mode: InterpolationMode, _ alignsCorners: Bool
    ) -> [InterpolationTap] {
        func clamped(_ position: Int) -> Int { min(max(position, 0), input - 1) }
        let places = (0..<output).map { index -> Double in
            // As PyTorch's, to the same whole numbers.
            if mode == .nearest { return Double(Float(index) * Float(scale)) }
            let index = Double(index)
            if alignsCorners { return output == 1 ? 0 : index * Double(input - 1) / Double(output - 1) }
            let place = (index + 0.5) * scale - 0.5
            return mode == .linear ? max(0, place) : place
        }
        let floors = places.map { Int($0.rounded(.down)) }
        let rests = zip(places, floors).map { $0 - Double($1) }
        func tap(_ offset: Int, _ share: (Double) -> Double) -> InterpolationTap {
            InterpolationTap(positions: floors.map { clamped($0 + offset) }, weights: rests.map(share))
        }
        switch mode {
        case .nearest: return [InterpolationTap(positions: floors.map(clamped), weights: nil)]
        case .linear: return [tap(0) { 1 - $0 }, tap(1) { $0 }]
        case .cubic:
            return [
                tap(-1) { outerShare($0 + 1) }, tap(0) { innerShare($0) }, tap(1) { innerShare(1 - $0) },
                tap(2) { outerShare(2 - $0) },
            ]
        }
    }

    private static let a = -0.75
    /// Keys' polynomial for distances up to 1.
    private static func innerShare(_ x: Double) -> Double { ((a + 2) * x - (a + 3)) * x * x + 1 }
    /// Keys' polynomial for distances from 1 to 2.
    private static func outerShare(_ x: Double) -> Double { ((a * x - 5 * a) * x + 8 * a) * x - 4 * a }
}
