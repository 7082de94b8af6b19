import Foundation
import MartletData

/// A change that the automatic policies choose, of some magnitude.
public enum AugmentationOperation: String, Sendable, CaseIterable {
    /// Nothing.
    case identity = "Identity"
    /// Slanted along x.
    case shearX = "ShearX"
    /// Slanted along y.
    case shearY = "ShearY"
    /// Moved along x.
    case translateX = "TranslateX"
    /// Moved along y.
    case translateY = "TranslateY"
    /// Rotated.
    case rotate = "Rotate"
    /// Brighter or darker.
    case brightness = "Brightness"
    /// More or less colour.
    case color = "Color"
    /// More or less contrast.
    case contrast = "Contrast"
    /// Sharper or blurred.
    case sharpness = "Sharpness"
    /// Fewer bits.
    case posterize = "Posterize"
    /// Bright samples inverted.
    case solarize = "Solarize"
    /// Full contrast.
    case autoContrast = "AutoContrast"
    /// Brightnesses spread evenly.
    case equalize = "Equalize"
    /// The negative.
    case invert = "Invert"

    /// True where a magnitude may be negative.
    package var isSigned: Bool {
        switch self {
        case .shearX, .shearY, .translateX, .translateY, .rotate, .brightness, .color, .contrast, .sharpness: true
        case .identity, .posterize, .solarize, .autoContrast, .equalize, .invert: false
        }
    }

    /// The picture changed, as torchvision's policies change it.
    ///
    /// - Parameters:
    ///   - magnitude: tangents for shears, samples for translations, degrees for rotations, what is added to a factor of 1 for
    ///     colours, bits, or the share of full brightness at which solarising begins.
    ///   - input: the picture. Boxes, masks and keypoints move with it.
    ///   - interpolation: nearest or bilinear.
    ///   - fill: what lies outside.
    package func apply(
        _ magnitude: Double, to input: AnnotatedImage, _ interpolation: Interpolation, _ fill: Fill
    ) -> AnnotatedImage {
        func warped(_ map: AffineMap) -> AnnotatedImage {
            input.warped(by: map, interpolation: interpolation, fill: fill)
        }
        let slant = atan(magnitude) * 180 / .pi
        switch self {
        case .identity: return input
        case .shearX: return warped(AffineMap(shear: SIMD2(slant, 0), center: .zero))
        case .shearY: return warped(AffineMap(shear: SIMD2(0, slant), center: .zero))
        case .translateX: return warped(AffineMap(translate: SIMD2(magnitude.rounded(.towardZero), 0)))
        case .translateY: return warped(AffineMap(translate: SIMD2(0, magnitude.rounded(.towardZero))))
        case .rotate: return input.rotated(degrees: magnitude, interpolation: interpolation, fill: fill)
        case .brightness: return input.recolored { $0.adjustedBrightness(by: 1 + magnitude) }
        case .color: return input.recolored { $0.adjustedSaturation(by: 1 + magnitude) }
        case .contrast: return input.recolored { $0.adjustedContrast(by: 1 + magnitude) }
        case .sharpness: return input.recolored { $0.adjustedSharpness(by: 1 + magnitude) }
        case .posterize: return input.recolored { $0.posterized(bits: Int(magnitude)) }
        case .solarize: return input.recolored { $0.solarized(threshold: $0.bound * magnitude) }
        case .autoContrast: return input.recolored { $0.autocontrasted() }
        case .equalize: return input.recolored { $0.equalized() }
        case .invert: return input.recolored { $0.inverted() }
        }
    }
}
