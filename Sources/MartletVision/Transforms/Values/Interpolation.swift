import CMartletKernels

/// How a picture's values between samples are found.
public enum Interpolation: String, Sendable, Codable, CaseIterable {
    /// The sample at floor(i · scale), as OpenCV rounds.
    case nearest
    /// The sample whose centre is nearest, as Pillow rounds.
    case nearestExact = "nearest-exact"
    /// The triangle over two samples.
    case bilinear
    /// The cubic over four samples (Keys 1981, "Cubic convolution interpolation for digital image processing").
    case bicubic
    /// The windowed sinc over six samples; for resizing only, and always antialiased.
    case lanczos

    /// Reads torchvision's name.
    public init(from decoder: any Decoder) throws {
        let name = try decoder.singleValueContainer().decode(String.self)
        guard let known = Interpolation(rawValue: name) else {
            let names = Self.allCases.map(\.rawValue).joined(separator: ", ")
            throw decoder.corrupted("no interpolation is called \"\(name)\"; there are \(names)")
        }
        self = known
    }

    var filter: mk_image_filter {
        switch self {
        case .nearest: MK_IMAGE_NEAREST
        case .nearestExact: MK_IMAGE_NEAREST_EXACT
        case .bilinear: MK_IMAGE_BILINEAR
        case .bicubic: MK_IMAGE_BICUBIC
        case .lanczos: MK_IMAGE_LANCZOS
        }
    }

    /// What can be used between samples of a picture that is moved, and not only resized.
    var problemInWarps: String? {
        self == .nearest || self == .bilinear ? nil : "interpolation is nearest or bilinear here, it is \(rawValue)"
    }
}
