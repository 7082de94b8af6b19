import Foundation
import MartletData
import MartletTesting
import MartletVision
import Testing

/// Random parameters: their ranges and how often each comes.
@Suite struct PolicyTests {
    private static let size = ImageSize(height: 32, width: 48)

    /// Counts of what `draw` gives in so many draws.
    private func counts<Value: Hashable>(_ draws: Int, _ draw: (inout RandomStream) -> [Value]) -> [Value: Int] {
        var random = RandomStream(seed: 12)
        var counts: [Value: Int] = [:]
        for _ in 0..<draws { for value in draw(&random) { counts[value, default: 0] += 1 } }
        return counts
    }

    /// Whether counts are those of equally probable values: chi squared below its mean by five deviations at most.
    private func areEven(_ counts: some Collection<Int>, _ total: Int) -> Bool {
        let expected = Double(total) / Double(counts.count)
        let chi = counts.reduce(0.0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
        let freedom = Double(counts.count - 1)
        return chi < freedom + 5 * (2 * freedom).squareRoot()
    }

    @Test func `Every step of every operation has torchvision's magnitude`() throws {
        let golden = try AugmentationGolden()
        let spaces = [
            "AutoAugment": AutoAugment.space, "RandAugment": RandAugment.space,
            "TrivialAugmentWide": TrivialAugmentWide.space, "AugMix": AugMix().space,
        ]
        let cases = golden.cases("space")
        #expect(cases.count == 14 + 14 + 14 + 13)
        for one in cases {
            let space = try #require(one.text("policy").flatMap { spaces[$0] })
            let operation = try #require(one.text("operation").flatMap(AugmentationOperation.init(rawValue:)))
            let bins = try #require(one.integer("bins"))
            #expect(operation.isSigned == one.isSet("signed"), "\(one)")
            let wanted = try golden.file.required(one, "magnitudes").array(as: Double.self)
            for bin in 0..<bins {
                let found = space.magnitude(operation, bin, of: bins, in: Self.size)
                #expect(abs(found - wanted[bin]) < 1e-4, "\(one), step \(bin): \(found), not \(wanted[bin])")
            }
        }
        for (name, space) in spaces {
            let known = Set(cases.filter { $0.text("policy") == name }.compactMap { $0.text("operation") })
            let own = Set(space.operations.map(\.rawValue))
            #expect(name == "AutoAugment" ? known.isSubset(of: own) : known == own, "\(name)")
        }
    }

    @Test func `AutoAugment's pairs are torchvision's`() throws {
        let golden = try AugmentationGolden()
        let cases = golden.cases("policy")
        #expect(cases.count == 3)
        for one in cases {
            let policy = try #require(one.text("policy").flatMap(AutoAugment.Policy.init(rawValue:)))
            let steps = policy.pairs.flatMap(\.steps)
            #expect(steps.count == 50)
            #expect(steps.map(\.operation.rawValue).joined(separator: ",") == one.text("operations"))
            #expect(try steps.map { Float($0.probability) } == golden.file.required(one, "probabilities").array())
            #expect(try steps.map { $0.bin } == golden.file.required(one, "bins").array(as: Int.self))
        }
    }

    @Test func `RandAugment draws each operation equally often, and each side of those that have two`() {
        let draws = 20_000
        let found = counts(draws) { RandAugment().choices(in: Self.size, using: &$0) }
        var operations: [AugmentationOperation: Int] = [:]
        for (choice, count) in found { operations[choice.operation, default: 0] += count }
        #expect(operations.count == 14 && areEven(operations.values, 2 * draws), "\(operations)")
        for (operation, count) in operations where operation.isSigned {
            let sides = found.filter { $0.key.operation == operation }
            #expect(sides.count == 2 && areEven(sides.values, count), "\(sides)")
        }
        #expect(found.keys.contains { $0.operation == .rotate && abs($0.magnitude - 9) < 1e-9 })
    }

    @Test func `TrivialAugment draws each operation and each strength equally often`() {
        let draws = 40_000
        let found = counts(draws) { [TrivialAugmentWide().choice(in: Self.size, using: &$0)] }
        var operations: [AugmentationOperation: Int] = [:]
        for (choice, count) in found { operations[choice.operation, default: 0] += count }
        #expect(operations.count == 14 && areEven(operations.values, draws), "\(operations)")
        let angles = found.filter { $0.key.operation == .rotate }
        let steps = Dictionary(grouping: angles) { Int((abs($0.key.magnitude) / 4.5).rounded()) }
            .mapValues { $0.reduce(0) { $0 + $1.value } }
        #expect(steps.count == 31 && areEven(steps.values, operations[.rotate] ?? 0), "\(steps)")
    }

    @Test func `AutoAugment draws its steps with their probabilities`() {
        let draws = 50_000
        let found = counts(draws) { AutoAugment().choices(in: Self.size, using: &$0).map(\.operation) }
        var expected: [AugmentationOperation: Double] = [:]
        for step in AutoAugment.Policy.imagenet.pairs.flatMap(\.steps) {
            expected[step.operation, default: 0] += step.probability * Double(draws) / 25
        }
        for (operation, wanted) in expected {
            let count = Double(found[operation] ?? 0)
            #expect(abs(count - wanted) < 5 * wanted.squareRoot() + 1, "\(operation): \(count), not \(wanted)")
        }
    }

    @Test func `Random parts have the areas and shapes that they should`() {
        let transform = RandomResizedCrop(ImageSize(8), scale: 0.2...0.6, ratio: 0.5...2)
        let whole = ImageSize(height: 300, width: 400)
        var random = RandomStream(seed: 5)
        var areas: [Double] = []
        for _ in 0..<4000 {
            let window = transform.window(in: whole, using: &random)
            #expect(window.top >= 0 && window.left >= 0)
            #expect(window.top + window.size.height <= 300 && window.left + window.size.width <= 400)
            let ratio = Double(window.size.width) / Double(window.size.height)
            #expect(0.49...2.03 ~= ratio)
            areas.append(Double(window.size.width * window.size.height) / 120_000)
        }
        // Parts that do not fit are drawn again, so that large ones are a little rarer.
        let mean = areas.reduce(0, +) / Double(areas.count)
        #expect(0.37...0.41 ~= mean, "\(mean)")
        #expect(areas.min() ?? 0 > 0.195 && areas.max() ?? 1 < 0.605)
        // No such part fits a strip: the largest allowed one in its middle.
        let strip = transform.window(in: ImageSize(height: 4, width: 400), using: &random)
        #expect(strip == CropWindow(top: 0, left: 196, size: ImageSize(height: 4, width: 8)))
    }

    @Test func `Beta and Dirichlet numbers have their moments`() {
        var random = RandomStream(seed: 9)
        for shape in [0.2, 1, 4.0] {
            let numbers = (0..<20_000).map { _ in random.beta(shape) }
            let mean = numbers.reduce(0, +) / 20_000
            let variance = numbers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 20_000
            #expect(abs(mean - 0.5) < 0.02, "\(shape): \(mean)")
            #expect(abs(variance - 0.25 / (2 * shape + 1)) < 0.006, "\(shape): \(variance)")
        }
        let shares = random.dirichlet(1, 3)
        #expect(abs(shares.reduce(0, +) - 1) < 1e-12 && shares.allSatisfy { 0...1 ~= $0 })
        #expect(random.dirichlet(1e-9, 2).reduce(0, +) == 1)
    }

    @Test func `AugMix is a mixture between black and white, and of one chain without weight the picture`() throws {
        let photo = try AugmentationGolden().photo(try AugmentationGolden().cases("resize")[0])
        var random = RandomStream(seed: 1)
        let mixed = try AugMix(severity: 10)(photo, using: &random)
        #expect(mixed.image.size == photo.image.size && mixed.boxes == photo.boxes)
        #expect(mixed.image != photo.image)
        let parts = PlanarImage(mixing: [(photo.image, 0.25), (photo.image, 0.75)])
        #expect(parts == photo.image)
    }

    @Test func `What is in a picture moves with the operations that move it`() throws {
        let golden = try AugmentationGolden()
        let photo = try golden.photo(golden.cases("resize")[0])
        let moved = AugmentationOperation.translateX.apply(5.9, to: photo, .nearest, .none)
        #expect(moved.boxes?.coordinates[0] == SIMD4(9, 6, 35, 28))
        #expect(moved.keypoints?.points[0] == SIMD2(8, 4))
        #expect(
            moved.masks?.cropped(CropWindow(top: 0, left: 5, size: ImageSize(20)))
                == photo.masks?.cropped(CropWindow(top: 0, left: 0, size: ImageSize(20))))
        let colored = AugmentationOperation.contrast.apply(0.5, to: photo, .nearest, .none)
        #expect(colored.boxes == photo.boxes && colored.masks == photo.masks && colored.keypoints == photo.keypoints)
        var random = RandomStream(seed: 6)
        let augmented = try RandAugment(numOps: 4, magnitude: 20)(photo, using: &random)
        #expect(augmented.boxes?.canvas == photo.image.size && augmented.boxes != photo.boxes)
    }
}
