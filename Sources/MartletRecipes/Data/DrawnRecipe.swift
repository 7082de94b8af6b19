import Foundation
import MartletData
import MartletTensor

/// Data that a program draws, to show what networks can and cannot do.
///
///     data: {kind: spirals, count: 2000, classes: 3, noise: 0.1}
///     data: {kind: recall, count: 4000, classes: 4, length: 60}
struct DrawnRecipe: Sendable {
    private let draw: @Sendable () throws -> TensorDataset

    /// Arms of a spiral about the origin, a class each: nothing linear tells them apart.
    ///
    /// ## Shapes
    /// Inputs `[2]`; label `[]` int64.
    static func spirals(_ map: RecipeMap) throws -> DrawnRecipe {
        let count = try map.count("count", default: 2000, atLeast: 1)
        let classes = try map.count("classes", default: 2, atLeast: 2)
        let noise = try map.number("noise", default: 0.05, in: .notNegative)
        let turns = try map.number("turns", default: 1.5, in: .positive)
        let seed = UInt64(try map.count("seed", default: 0))
        return DrawnRecipe {
            var random = RandomStream(seed: seed)
            var points = [Float]()
            for index in 0..<count {
                let along = Double(random.unit())
                let angle = 2 * .pi * (turns * along + Double(index % classes) / Double(classes))
                points.append(Float(along * cos(angle) + noise * random.standardNormal()))
                points.append(Float(along * sin(angle) + noise * random.standardNormal()))
            }
            return try TensorDataset(
                Tensor(points, shape: [count, 2]), Tensor((0..<count).map { $0 % classes }), classCount: classes)
        }
    }

    /// Sequences whose first element says the class, and whose others are noise: what it takes to remember.
    ///
    /// ## Shapes
    /// Inputs `[length, classes]`, the first step one-hot; label `[]` int64.
    static func recall(_ map: RecipeMap) throws -> DrawnRecipe {
        let count = try map.count("count", default: 4000, atLeast: 1)
        let classes = try map.count("classes", default: 4, atLeast: 2)
        let length = try map.count("length", default: 50, atLeast: 1)
        let noise = try map.number("noise", default: 0.1, in: .notNegative)
        let seed = UInt64(try map.count("seed", default: 0))
        return DrawnRecipe {
            var random = RandomStream(seed: seed)
            var steps = [Float]()
            var labels = [Int]()
            for _ in 0..<count {
                let label = random.below(classes)
                labels.append(label)
                steps += (0..<classes).map { $0 == label ? 1 : 0 }
                for _ in 0..<(length - 1) * classes { steps.append(Float(noise * random.standardNormal())) }
            }
            return try TensorDataset(
                Tensor(steps, shape: [count, length, classes]), Tensor(labels), classCount: classes)
        }
    }

    func load() throws -> TensorDataset { try draw() }
}
