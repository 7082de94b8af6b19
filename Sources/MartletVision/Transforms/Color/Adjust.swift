import CMartletKernels
import Foundation
import MartletGraph

extension PlanarImage {
    /// Brighter or darker: x · factor, torchvision's `adjust_brightness`.
    ///
    /// - Parameter factor: 0 is black, 1 changes nothing.
    public func adjustedBrightness(by factor: Double) -> PlanarImage {
        requireColor("adjustedBrightness")
        return blended(with: 0, factor)
    }

    /// More or less contrast: a blend with the picture's mean grey, torchvision's `adjust_contrast`.
    ///
    /// - Parameter factor: 0 is the grey, 1 changes nothing.
    public func adjustedContrast(by factor: Double) -> PlanarImage {
        requireColor("adjustedContrast")
        guard batch == nil else {
            return PlanarImage(batch: (0..<count).map { self[picture: $0].adjustedContrast(by: factor) })
        }
        return blended(with: meanGray, factor)
    }

    /// More or less colour: a blend with the picture in grey, torchvision's `adjust_saturation`.
    ///
    /// - Parameter factor: 0 is grey, 1 changes nothing.
    public func adjustedSaturation(by factor: Double) -> PlanarImage {
        requireColor("adjustedSaturation")
        Self.requireFactor(factor, "adjustedSaturation")
        guard channels == 3 else { return self }
        return madeEach { mk_image_saturate(kernelType, Int64(planeSize), $0, factor, $1) }
    }

    /// Other colours: the hue turned, torchvision's `adjust_hue`.
    ///
    /// - Parameter turns: from -0.5 to 0.5 of the colour circle.
    public func adjustedHue(by turns: Double) -> PlanarImage {
        requireColor("adjustedHue")
        guard -0.5...0.5 ~= turns else { stop("adjustedHue: from -0.5 to 0.5 turns, not \(turns)") }
        guard channels == 3 else { return self }
        return madeEach { mk_image_turn_hue(kernelType, Int64(planeSize), $0, Float(turns), $1) }
    }

    /// gain · x^gamma for x from 0 to 1: torchvision's `adjust_gamma`.
    public func adjustedGamma(_ gamma: Double, gain: Double = 1) -> PlanarImage {
        guard gamma >= 0 else { stop("adjustedGamma: gamma is at least 0, it is \(gamma)") }
        func changed(_ x: Float) -> Float {
            let power = pow(x, Float(gamma))
            return gain == 1 ? power : min(max(power * Float(gain), 0), 1)
        }
        guard !isFloat else { return mappedFloats(changed) }
        return looked(up: (0...255).map { UInt8(cutting: changed(Float($0) * (1 / 255)) * 255.999) })
    }

    /// factor · x + (1 - factor) · other, clamped.
    private func blended(with other: Float, _ factor: Double) -> PlanarImage {
        Self.requireFactor(factor, "adjusted")
        if isFloat {
            return made { view, target in
                mk_image_blend(
                    Int64(planes * planeSize), view.data?.assumingMemoryBound(to: Float.self), factor, other,
                    target.assumingMemoryBound(to: Float.self))
                return true
            }
        }
        let rest = Float(1 - factor)
        return looked(
            up: (0...255).map { value in
                UInt8(cutting: (Float(value) * Float(factor)).addingProduct(other, rest))
            })
    }

    /// The mean of the picture's grey values, those of bytes rounded down.
    private var meanGray: Float {
        if channels == 3 {
            return withUnsafeSamples { bytes in
                Float(mk_image_luma_sum(kernelType, Int64(planeSize), bytes.baseAddress) / Double(planeSize))
            }
        }
        let sum = isFloat ? floats.reduce(0.0) { $0 + Double($1) } : Double(bytes.reduce(0) { $0 + Int($1) })
        return Float(sum / Double(planeSize))
    }

    private static func requireFactor(_ factor: Double, _ operation: String) {
        guard factor >= 0 else { stop("\(operation): the factor is at least 0, it is \(factor)") }
    }
}
