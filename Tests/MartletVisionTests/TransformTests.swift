import Foundation
import MartletData
import MartletTensor
import MartletTesting
import MartletVision
import Testing

/// Transforms of samples: their randomness, their errors, and where loaders run them.
@Suite struct TransformTests {
    private let photo: AnnotatedImage

    init() throws {
        let golden = try AugmentationGolden()
        photo = try golden.photo(golden.cases("resize")[0])
    }

    private static let strong = Compose([
        RandomHorizontalFlip(), RandomAffine(degrees: 20, translate: SIMD2(0.1, 0.1)),
        RandomPerspective(p: 0.7), ElasticTransform(alpha: 20), RandomCrop(ImageSize(24), padIfNeeded: true),
        ColorJitter(brightness: 0.3, contrast: 0.3, saturation: 0.3, hue: 0.1), RandAugment(), GaussianNoise(),
        GaussianBlur(kernelSize: ImageSize(3)), RandomErasing(value: .random), RandomZoomOut(),
        RandomResizedCrop(ImageSize(16)), RandomPhotometricDistort(), TrivialAugmentWide(), AutoAugment(), AugMix(),
        ToDtype(scale: true), Normalize(mean: [0.5], std: [0.25]),
    ])

    @Test func `What a transform does follows from the stream alone`() throws {
        var results: [AnnotatedImage] = []
        for seed in [7, 7, 8] as [UInt64] {
            var random = RandomStream(seed: seed)
            results.append(try Self.strong(photo, using: &random))
        }
        #expect(results[0] == results[1])
        #expect(results[0].image != results[2].image)
        #expect(results[0].image.size == ImageSize(16) && results[0].image.isFloat)
    }

    @Test func `What hides or mixes a picture's pixels leaves its boxes, masks and keypoints`() throws {
        let size = photo.image.size
        let annotated = AnnotatedImage(
            photo.image, boxes: BoundingBoxes([SIMD4(1, 2, 9, 12)], canvas: size, labels: [3]), masks: photo.image,
            keypoints: KeyPoints([SIMD2(4, 5)], canvas: size))
        for transform in [RandomErasing(p: 1), AugMix()] as [any ImageTransform] {
            var random = RandomStream(seed: 11)
            let changed = try transform(annotated, using: &random)
            #expect(changed.image != annotated.image, "\(transform)")
            var restored = changed
            restored.image = annotated.image
            #expect(restored == annotated, "\(transform)")
        }
    }

    @Test func `A probability is how often a picture is changed`() throws {
        var random = RandomStream(seed: 2)
        for (transform, p) in [
            (RandomVerticalFlip(p: 0.3) as any ImageTransform, 0.3), (RandomInvert(p: 0.9), 0.9),
            (RandomGrayscale(), 0.1),
            (RandomApply([RandomInvert(p: 1)], p: 0.5), 0.5),
            (RandomChoice([RandomInvert(p: 1), RandomVerticalFlip(p: 0)], p: [3, 1]), 0.75),
        ] {
            var changes = 0
            for _ in 0..<400 { if try transform(photo, using: &random) != photo { changes += 1 } }
            let deviation = (400 * p * (1 - p)).squareRoot()
            #expect(abs(Double(changes) - 400 * p) < 5 * deviation, "\(transform): \(changes)")
        }
    }

    @Test func `A loader gives the same pictures with any number of workers`() throws {
        struct Photos: Dataset {
            let photo: PlanarImage
            let count = 12
            subscript(index: Int) -> Sample { Sample(inputs: photo.tensor, label: Tensor(Int64(index))) }
        }
        let train = Photos(photo: photo.image).map(Self.strong)
        func inputs(_ workers: Int) throws -> [[Float]] {
            let loader = DataLoader(train, batchSize: 4, shuffle: true, workers: workers, seed: 3)
            let batches = loader.map { $0.inputs.array() }
            try loader.finish()
            return batches
        }
        let alone = try inputs(0)
        #expect(alone.count == 3 && alone[0].count == 4 * 3 * 16 * 16)
        #expect(alone[0] != alone[1])
        #expect(try inputs(3) == alone)
    }

    @Test func `Pictures that cannot be changed are errors that name the transform`() throws {
        let four = PlanarImage(channels: 4, size: ImageSize(8), repeating: 1)
        let bytes = PlanarImage(channels: 3, size: ImageSize(8), repeating: 1)
        func field(_ transform: any ImageTransform, _ image: PlanarImage) -> String? {
            do {
                _ = try transform(image)
                return nil
            } catch { return (error as? DataError).map { "\($0.dataset) \($0.field)" } }
        }
        #expect(field(ColorJitter(brightness: 0.1), four) == "ColorJitter channels")
        #expect(field(Normalize(mean: [0], std: [1]), bytes) == "Normalize inputs")
        #expect(field(Normalize(mean: [0, 0], std: [1]), bytes.converted(toFloat: true)) == "Normalize channels")
        #expect(field(RandomCrop(ImageSize(9)), bytes) == "RandomCrop inputs")
        #expect(field(FiveCrop(ImageSize(9)), bytes) == "FiveCrop inputs")
        #expect(field(Pad(1, fill: [1, 2]), bytes) == "Pad fill")
        #expect(field(RandomIoUCrop(), bytes) == "RandomIoUCrop boxes")
        #expect(field(RandomErasing(value: .values([1, 2])), bytes) == "RandomErasing value")
        #expect(throws: DataError.self) { try PlanarImage(Tensor.zeros([3, 4])) }
        #expect(throws: DataError.self) { try PlanarImage(Tensor.zeros([1, 3, 4]).to(dtype: .float64)) }
    }

    @Test func `A part that shows enough of a box keeps it, others become empty`() throws {
        var random = RandomStream(seed: 4)
        var cropped = 0
        for _ in 0..<40 {
            let result = try RandomIoUCrop()(photo, using: &random)
            guard result != photo else { continue }
            cropped += 1
            let sound = try SanitizeBoundingBoxes()(result, using: &random)
            #expect(!(sound.boxes?.coordinates.isEmpty ?? true))
            #expect(result.boxes?.canvas == result.image.size && result.masks?.size == result.image.size)
        }
        #expect(cropped > 10)
    }

    @Test func `The parts of a picture go on as a batch`() throws {
        let recipe = Compose([TenCrop(ImageSize(16)), ToDtype(scale: true), Normalize(mean: [0.5], std: [0.5])])
        let sample = try recipe(Sample(inputs: photo.image.tensor, label: Tensor(Int64(1))))
        #expect(sample.inputs.shape == [10, 3, 16, 16])
        #expect(sample.inputs.dtype == .float32)
    }
}
