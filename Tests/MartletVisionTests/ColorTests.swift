import Foundation
import MartletData
import MartletTensor
import MartletTesting
import MartletVision
import Testing

/// Pictures' colours changed, against torchvision.
@Suite struct ColorTests {
    private let golden: AugmentationGolden

    init() throws { golden = try AugmentationGolden() }

    private static let changes: [String: @Sendable (PlanarImage) -> PlanarImage] = [
        "brightness_0.6": { $0.adjustedBrightness(by: 0.6) }, "brightness_1.7": { $0.adjustedBrightness(by: 1.7) },
        "contrast_0.3": { $0.adjustedContrast(by: 0.3) }, "contrast_1.8": { $0.adjustedContrast(by: 1.8) },
        "saturation_0.2": { $0.adjustedSaturation(by: 0.2) }, "saturation_1.9": { $0.adjustedSaturation(by: 1.9) },
        "hue_-0.3": { $0.adjustedHue(by: -0.3) }, "hue_0.15": { $0.adjustedHue(by: 0.15) },
        "gamma_0.5": { $0.adjustedGamma(0.5) }, "gamma_2.2": { $0.adjustedGamma(2.2, gain: 1.3) },
        "sharpness_0": { $0.adjustedSharpness(by: 0) }, "sharpness_2.5": { $0.adjustedSharpness(by: 2.5) },
        "grayscale_1": { $0.grayscale() }, "grayscale_3": { $0.grayscale(channels: 3) },
        "invert": { $0.inverted() }, "posterize_3": { $0.posterized(bits: 3) }, "equalize": { $0.equalized() },
        "autocontrast": { $0.autocontrasted() }, "solarize": { $0.solarized(threshold: 110) },
        "blur_5x9": { $0.blurred(kernelSize: ImageSize(height: 9, width: 5), sigma: SIMD2(1.1, 2.5)) },
        "permute": { $0.permutedChannels([2, 0, 1]) },
    ]

    @Test(arguments: changes.keys.sorted())
    func `Colours change as torchvision changes them, of bytes and of floats`(_ name: String) throws {
        let change = try #require(Self.changes[name])
        let cases = golden.cases("color").filter { $0.text("color") == name }
        #expect(cases.count >= 3)
        for one in cases {
            var photo = try golden.photo(one).image
            guard one.isSet("float") else {
                try golden.expect(change(photo), one)
                continue
            }
            photo = photo.cropped(CropWindow(top: 0, left: 0, size: ImageSize(height: 12, width: 16)))
            try golden.expect(change(photo.converted(toFloat: true)), one, 1e-5)
        }
    }

    @Test func `The policies' operations are torchvision's`() throws {
        let cases = golden.cases("operation")
        #expect(cases.count == AugmentationOperation.allCases.count)
        for one in cases {
            let operation = try #require(one.text("operation").flatMap(AugmentationOperation.init(rawValue:)))
            let magnitude = try #require(one.number("magnitude"))
            try golden.expect(operation.apply(magnitude, to: golden.photo(one), .nearest, .none), one)
        }
    }

    @Test func `Grey pictures have colour transforms too`() throws {
        let photo = try golden.photo(golden.cases("resize")[0]).image
        let gray = photo.grayscale()
        #expect(gray.adjustedSaturation(by: 0.1) == gray)
        #expect(gray.adjustedHue(by: 0.1) == gray)
        #expect(gray.rgb() == photo.grayscale(channels: 3))
        #expect(gray.rgb().grayscale(channels: 1).channels == 1)
        // A factor of 0 leaves the mean everywhere.
        #expect(Set(gray.adjustedContrast(by: 0).tensor.array()).count == 1)
    }

    @Test func `Noise has its mean and deviation, and bytes wrap only where told so`() throws {
        let gray = PlanarImage(channels: 1, size: ImageSize(256), repeating: 128)
        var random = RandomStream(seed: 3)
        let noisy = gray.noised(mean: 0.1, sigma: 0.05, using: &random).tensor.array(as: Double.self)
        let mean = noisy.reduce(0, +) / Double(noisy.count)
        let variance = noisy.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(noisy.count)
        // Rounding towards 0 takes half a level off.
        #expect(abs(mean - (128 + 25)) < 0.6, "\(mean)")
        #expect(abs(variance.squareRoot() - 12.75) < 0.3, "\(variance)")
        let white = PlanarImage(channels: 1, size: ImageSize(64), repeating: 255)
        #expect(white.noised(using: &random).tensor.array().min() ?? 0 > 100)
        #expect(white.noised(clip: false, using: &random).tensor.array().min() ?? 255 < 100)
        let floats = white.converted(toFloat: true)
        #expect(floats.noised(using: &random).tensor.array().max() == 1)
        #expect(floats.noised(clip: false, using: &random).tensor.array().max() ?? 0 > 1)
    }

    @Test func `A rectangle is erased with one value, one a channel, or one a sample`() {
        let image = PlanarImage(channels: 2, size: ImageSize(4), repeating: 9)
        let window = CropWindow(top: 1, left: 2, size: ImageSize(height: 2, width: 1))
        func changed(_ values: [Float]) -> [Float] {
            image.erased(window, values: values).tensor.array().enumerated().filter { $0.element != 9 }.map(\.element)
        }
        #expect(changed([3]) == [3, 3, 3, 3])
        #expect(changed([1, 300]) == [1, 1, 255, 255])
        #expect(changed([1, 2, 3, -4]) == [1, 2, 3, 0])
    }

    @Test func `Bytes become floats and come back`() {
        let ramp = PlanarImage(channels: 1, height: 16, width: 16, samples: .uint8(Array(0...255)))
        #expect(ramp.converted(toFloat: true).converted(toFloat: false) == ramp)
        #expect(ramp.converted(toFloat: true).tensor.array().last == 1)
        let image = Image(width: 16, height: 16, channels: 1, pixels: Array(0...255))
        #expect(PlanarImage(image) == ramp && Image(ramp) == image)
    }
}
