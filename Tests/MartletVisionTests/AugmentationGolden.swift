import MartletTensor
import MartletTesting
import MartletVision
import Testing

/// torchvision's answers for parts of three photos: `scripts/goldens/augmentation.py`.
struct AugmentationGolden {
    let file: GoldenFile
    private let photos: [String: AnnotatedImage]

    init() throws {
        file = try GoldenFile("augmentation")
        var photos: [String: AnnotatedImage] = [:]
        for golden in file.cases where golden.operation == "photo" {
            let image = try PlanarImage(file.required(golden, "image"))
            let boxes = Self.rows(try file.required(golden, "boxes"), of: 4).map { SIMD4($0[0], $0[1], $0[2], $0[3]) }
            let points = Self.rows(try file.required(golden, "points"), of: 2).map { SIMD2($0[0], $0[1]) }
            photos[String(golden.name.prefix { $0 != "/" })] = AnnotatedImage(
                image, boxes: BoundingBoxes(boxes, canvas: image.size),
                masks: try PlanarImage(file.required(golden, "masks")),
                keypoints: KeyPoints(points, canvas: image.size))
        }
        self.photos = photos
    }

    /// The cases of an operation.
    func cases(_ operation: String) -> [GoldenCase] { file.cases.filter { $0.operation == operation } }

    /// The photo that a case is about.
    func photo(_ golden: GoldenCase) throws -> AnnotatedImage {
        try #require(photos[golden.text("photo") ?? "hamster"], "\(golden)")
    }

    /// What was computed against what a case stores: pictures within one level, masks exactly, places within 1/500 of a sample.
    func expect(_ found: AnnotatedImage, _ golden: GoldenCase, image tolerance: Double = 1) throws {
        try expect(found.image, golden, tolerance)
        if let masks = try file.tensor(golden, "masks") {
            #expect(try found.masks == PlanarImage(masks), "masks of \(golden)")
        }
        if let boxes = try file.tensor(golden, "boxes") {
            let numbers = try #require(found.boxes).coordinates.flatMap { [$0.x, $0.y, $0.z, $0.w] }
            expectClose(numbers, boxes.array(), "boxes of \(golden)")
            #expect(found.boxes?.canvas == found.image.size, "\(golden)")
        }
        if let points = try file.tensor(golden, "points") {
            let numbers = try #require(found.keypoints).points.flatMap { [$0.x, $0.y] }
            expectClose(numbers, points.array(), "points of \(golden)")
            #expect(found.keypoints?.canvas == found.image.size, "\(golden)")
        }
    }

    func expect(_ found: PlanarImage, _ golden: GoldenCase, _ tolerance: Double = 1) throws {
        let wanted = try PlanarImage(file.required(golden, "image"))
        try #require(found.size == wanted.size && found.channels == wanted.channels, "\(golden): \(found.size)")
        let error = Self.difference(found, wanted)
        #expect(error <= tolerance, "\(golden): off by \(error)")
    }

    func expectClose(_ found: [Float], _ wanted: [Float], _ what: String) {
        let error = zip(found, wanted).map { abs($0 - $1) }.max() ?? 0
        #expect(found.count == wanted.count && error < 2e-3, "\(what): \(found), not \(wanted)")
    }

    /// The largest difference of two pictures' samples.
    static func difference(_ left: PlanarImage, _ right: PlanarImage) -> Double {
        let (a, b) = (left.tensor.array(as: Double.self), right.tensor.array(as: Double.self))
        return a.count == b.count ? zip(a, b).map { abs($0 - $1) }.max() ?? 0 : .infinity
    }

    private static func rows(_ tensor: Tensor, of size: Int) -> [[Float]] {
        let values = tensor.array()
        return stride(from: 0, to: values.count, by: size).map { Array(values[$0..<$0 + size]) }
    }
}
