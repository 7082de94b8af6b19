import MartletTesting
import MartletVision
import Testing

/// Pictures, boxes, masks and keypoints moved, against torchvision.
@Suite struct GeometryTests {
    private let golden: AugmentationGolden

    init() throws { golden = try AugmentationGolden() }

    private static let affine = AffineMap(
        angle: 25, translate: SIMD2(5, -3), scale: 1.2, shear: SIMD2(10, -6))
    private static let perspective = PerspectiveMap(
        from: [SIMD2(0, 0), SIMD2(47, 0), SIMD2(47, 31), SIMD2(0, 31)],
        to: [SIMD2(5, 3), SIMD2(44, 1), SIMD2(40, 28), SIMD2(2, 25)])

    private static let moves: [String: @Sendable (AnnotatedImage, Interpolation, Fill) -> AnnotatedImage] = [
        "flip_horizontal": { photo, _, _ in photo.flippedHorizontally() },
        "flip_vertical": { photo, _, _ in photo.flippedVertically() },
        "affine": { $0.warped(by: affine, interpolation: $1, fill: $2) },
        "affine_center": {
            let map = AffineMap(angle: -40, translate: SIMD2(0, 2), scale: 0.7, center: SIMD2(10, 20))
            return $0.warped(by: map, interpolation: $1, fill: $2)
        },
        "rotate": { $0.rotated(degrees: 33, interpolation: $1, fill: $2) },
        "rotate_expand": { $0.rotated(degrees: 33, interpolation: $1, expand: true, fill: $2) },
        "rotate_90": { photo, _, _ in photo.rotated(degrees: 90, expand: true) },
        "rotate_180": { photo, _, _ in photo.rotated(degrees: 180) },
        "rotate_270": { photo, _, _ in photo.rotated(degrees: -90, expand: true) },
        "rotate_center": { $0.rotated(degrees: -20, interpolation: $1, center: .zero, fill: $2) },
        "perspective": { $0.warped(by: perspective, interpolation: $1, fill: $2) },
        "crop": { photo, _, _ in
            photo.cropped(CropWindow(top: 5, left: 9, size: ImageSize(height: 15, width: 30)))
        },
        "crop_outside": { photo, _, _ in
            photo.cropped(CropWindow(top: -4, left: 30, size: ImageSize(height: 40, width: 30)))
        },
        "center_crop": { photo, _, _ in photo.centerCropped(ImageSize(height: 21, width: 20)) },
        "center_crop_larger": { photo, _, _ in photo.centerCropped(ImageSize(height: 40, width: 33)) },
        "pad": { photo, _, _ in photo.padded(ImagePadding(left: 3, top: 4, right: 5, bottom: 6), fill: 7) },
        "resize_down": { photo, _, _ in photo.resized(.exact(ImageSize(height: 15, width: 22))) },
        "resize_up": { photo, _, _ in photo.resized(.exact(ImageSize(height: 44, width: 61))) },
        "resize_shorter": { photo, _, _ in photo.resized(.shorterEdge(21)) },
        "resize_longest": { photo, _, _ in photo.resized(.shorterEdge(21, longest: 26)) },
        "resized_crop": { photo, _, _ in
            photo.resizedCrop(
                CropWindow(top: 3, left: 7, size: ImageSize(height: 28, width: 34)), .exact(ImageSize(20)))
        },
    ]

    @Test(arguments: moves.keys.sorted())
    func `Pictures and what is in them move as torchvision moves them`(_ name: String) throws {
        let move = try #require(Self.moves[name])
        let cases = golden.cases(name)
        #expect(!cases.isEmpty)
        for one in cases {
            let interpolation = one.text("interpolation").flatMap(Interpolation.init(rawValue:)) ?? .bilinear
            let fill: Fill = one.isSet("fills") ? [20, 130, 250] : .none
            try golden.expect(move(golden.photo(one), interpolation, fill), one)
        }
    }

    @Test func `Every filter resizes bytes to torchvision's levels`() throws {
        let cases = golden.cases("resize")
        #expect(cases.count == 17)
        for one in cases {
            let interpolation = try #require(one.text("interpolation").flatMap(Interpolation.init(rawValue:)))
            let sides = try #require(one.integers("size"))
            let resized = try golden.photo(one).image.resized(
                ImageSize(height: sides[0], width: sides[1]), interpolation: interpolation,
                antialias: one.isSet("antialias"))
            try golden.expect(resized, one, 0)
        }
    }

    @Test func `Floats are resized as bytes are, without their rounding`() throws {
        let photo = try golden.photo(golden.cases("resize")[0]).image
        for interpolation in Interpolation.allCases {
            let bytes = photo.resized(ImageSize(20), interpolation: interpolation)
            let floats = photo.converted(toFloat: true).resized(ImageSize(20), interpolation: interpolation)
            let most = AugmentationGolden.difference(bytes.converted(toFloat: true), floats)
            // Bicubic and Lanczos overshoot, which bytes cannot; those samples are left out by clamping them.
            let clamped = PlanarImage(
                channels: 3, height: 20, width: 20,
                samples: .float32(floats.tensor.array().map { min(max($0, 0), 1) }))
            #expect(AugmentationGolden.difference(bytes.converted(toFloat: true), clamped) < 1.6 / 255)
            #expect(most < 0.2, "\(interpolation)")
        }
    }

    @Test func `Padding repeats and mirrors as torchvision's does`() throws {
        let cases = golden.cases("pad_mode")
        #expect(cases.count == 3)
        for one in cases {
            let mode = try #require(one.text("mode").flatMap(ImagePaddingMode.init(rawValue:)))
            let padding = ImagePadding(left: 3, top: 4, right: 5, bottom: 6)
            try golden.expect(golden.photo(one).image.padded(padding, mode: mode), one, 0)
        }
    }

    @Test func `A displacement field moves a picture as torchvision's elastic does`() throws {
        let cases = golden.cases("elastic")
        #expect(cases.count == 2)
        for one in cases {
            let photo = try golden.photo(one)
            let values = try golden.file.required(one, "displacement").array()
            let field = DisplacementField(size: photo.image.size, values: values)
            let interpolation = try #require(one.text("interpolation").flatMap(Interpolation.init(rawValue:)))
            try golden.expect(photo.warped(by: field, interpolation: interpolation, fill: 9), one)
        }
    }

    @Test func `Boxes of other formats move alike`() throws {
        let cases = golden.cases("boxes")
        #expect(cases.count == 2)
        for one in cases {
            let format = try #require(one.text("format").flatMap(BoundingBoxes.Format.init(rawValue:)))
            var photo = try golden.photo(one)
            let boxes = try #require(photo.boxes)
            photo.boxes = boxes.converted(to: format)
            func expect(_ boxes: BoundingBoxes?, _ name: String) throws {
                let numbers = try #require(boxes).coordinates.flatMap { [$0.x, $0.y, $0.z, $0.w] }
                golden.expectClose(numbers, try golden.file.required(one, name).array(), "\(name) \(one)")
            }
            try expect(photo.boxes, "boxes")
            try expect(photo.flippedHorizontally().boxes, "flipped")
            try expect(photo.warped(by: Self.affine).boxes, "affine")
            let back = try #require(photo.boxes).converted(to: .xyxy).coordinates
            for (box, wanted) in zip(back, boxes.coordinates) { #expect(abs((box - wanted).max()) < 1e-4) }
        }
    }

    @Test func `A batch moves as its pictures do`() throws {
        let photos = try ["hamster", "corn"].map { name in
            try golden.photo(#require(golden.cases("photo").first { $0.name.hasPrefix(name) })).image
        }
        let first = photos[0]
        let second = photos[1].flippedHorizontally()
        let batch = PlanarImage(batch: [first, second])
        let changes: [(PlanarImage) -> PlanarImage] = [
            { $0.warped(by: Self.affine, interpolation: .bilinear, fill: [1, 2, 3]) },
            { $0.resized(ImageSize(17)) }, { $0.padded(3, fill: [1, 2, 3]) }, { $0.flippedVertically() },
            { $0.rotated(degrees: 90, expand: true) }, { $0.adjustedContrast(by: 1.4) }, { $0.adjustedHue(by: 0.2) },
            { $0.grayscale() }, { $0.equalized() }, { $0.autocontrasted() }, { $0.adjustedSaturation(by: 0.3) },
            { $0.converted(toFloat: true).normalized(mean: [0.1, 0.2, 0.3], std: [1, 2, 3]) },
            { $0.blurred(kernelSize: ImageSize(3), sigma: SIMD2(1, 1)) }, { $0.permutedChannels([1, 2, 0]) },
        ]
        for (place, change) in changes.enumerated() {
            #expect(change(batch) == PlanarImage(batch: [change(first), change(second)]), "change \(place)")
        }
    }

    @Test func `Five parts are the corners and the middle, ten are those of the mirror image too`() throws {
        let photo = try golden.photo(golden.cases("resize")[0]).image
        let size = ImageSize(height: 10, width: 12)
        let parts = photo.fiveCrops(size)
        #expect(parts.count == 5 && parts.allSatisfy { $0.size == size })
        #expect(parts[3] == photo.cropped(CropWindow(top: 22, left: 36, size: size)))
        #expect(parts[4] == photo.centerCropped(size))
        #expect(photo.tenCrops(size) == parts + photo.flippedHorizontally().fiveCrops(size))
    }

    @Test func `Boxes that are too small or outside are taken out with their labels and masks`() throws {
        let image = PlanarImage(channels: 1, size: ImageSize(10), repeating: 0)
        let boxes = BoundingBoxes(
            [SIMD4(0, 0, 5, 5), SIMD4(2, 2, 2.5, 9), SIMD4(-1, 0, 4, 4), SIMD4(3, 3, 10, 10), SIMD4(5, 5, 4, 9)],
            canvas: ImageSize(10), labels: [1, 2, 3, 4, 5])
        let masks = PlanarImage(
            channels: 5, height: 10, width: 10, samples: .uint8((0..<5).flatMap { [UInt8](repeating: $0, count: 100) }))
        let sound = try SanitizeBoundingBoxes()(AnnotatedImage(image, boxes: boxes, masks: masks))
        #expect(sound.boxes?.labels == [1, 4])
        #expect(sound.masks?.channels == 2)
        #expect(sound.masks?.tensor.array().last == 3)
        #expect(boxes.sound(minArea: 40) == [false, false, false, true, false])
    }
}
