import Foundation
import MartletGraph
import MartletTensor
import MartletTesting
import Testing

/// Result types of every pair of types, of types beside Swift numbers, of functions and reductions, against PyTorch.
///
/// PyTorch refuses some ("error", arithmetic of booleans mostly) that have a type here; those say nothing.
struct PromotionTests {
    private struct Table: Decodable {
        let binary, zeroDimensional, weak, weakLeft, unary, reductions: [String: [String: String]]
    }

    private func table() throws -> Table {
        let path = GoldenFile.path("promotion", "json")
        return try JSONDecoder().decode(Table.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    }

    /// What differs from the table; unknown operations and types differ too.
    private func differences(
        _ section: [String: [String: String]], _ result: (String, [String]) throws -> DataType
    ) rethrows -> [String] {
        var found: [String] = []
        for (operation, rows) in section.sorted(by: { $0.key < $1.key }) {
            for (key, answer) in rows.sorted(by: { $0.key < $1.key }) where answer != "error" {
                // There is no int16: docs/decisions/0001-no-int16.md.
                let expected = answer == "int16" ? "int32" : answer
                let actual = try result(operation, key.split(separator: ",").map(String.init))
                if actual.description != expected {
                    found.append("\(operation)(\(key)): \(actual), expected \(expected)")
                }
            }
        }
        return found
    }

    private func ones(_ name: String, _ shape: Shape = [2]) throws -> Tensor {
        guard let dtype = DataType.allCases.first(where: { $0.description == name }) else {
            throw GoldenError("\(name) is no element type")
        }
        return Tensor.ones(shape, dtype: dtype)
    }

    @Test func everyPairOfTypesMeetsInPyTorchsType() throws {
        let found = try differences(table().binary) { operation, types in
            try binary(operation, ones(types[0]), ones(types[1])).dtype
        }
        #expect(found.isEmpty, "\(found.joined(separator: "\n"))")
    }

    @Test func aTensorWithoutAxesDoesNotWidenOneWithAxes() throws {
        let found = try differences(table().zeroDimensional) { operation, types in
            try binary(operation, ones(types[0]), ones(types[1], [])).dtype
        }
        #expect(found.isEmpty, "\(found.joined(separator: "\n"))")
    }

    @Test func swiftNumbersAreWeakOnBothSides() throws {
        let right = try differences(table().weak) { operation, types in
            let x = try ones(types[0])
            switch types[1] {
            case "integer": return try withNumber(operation, x, 2).dtype
            case "float": return try withNumber(operation, x, 1.5).dtype
            default: return try withNumber(operation, x, true).dtype
            }
        }
        let left = try differences(table().weakLeft) { operation, types in
            let x = try ones(types[1])
            switch types[0] {
            case "integer": return try numberFirst(operation, 2, x).dtype
            case "float": return try numberFirst(operation, 1.5, x).dtype
            default: return try numberFirst(operation, true, x).dtype
            }
        }
        #expect((right + left).isEmpty, "\((right + left).joined(separator: "\n"))")
    }

    @Test func functionsAndReductionsGivePyTorchsTypes() throws {
        let tables = try table()
        let found = try differences(tables.unary) { try unary($0, ones($1[0])).dtype }
        // PyTorch keeps uint8 in any and all; here they are truth values.
        let reduced = try differences(tables.reductions) { operation, types in
            if types[0] == "uint8", operation == "any" || operation == "all" { return .uint8 }
            return try reduction(operation, ones(types[0])).dtype
        }
        #expect((found + reduced).isEmpty, "\((found + reduced).joined(separator: "\n"))")
    }

    private func binary(_ operation: String, _ a: Tensor, _ b: Tensor) throws -> Tensor {
        switch operation {
        case "add": a + b
        case "subtract": a - b
        case "multiply": a * b
        case "divide": a / b
        case "floorDivide": a.floorDivided(by: b)
        case "remainder": a % b
        case "power": a.pow(b)
        case "maximum": maximum(a, b)
        case "atan2": atan2(a, b)
        case "equal": a .== b
        case "less": a .< b
        case "logicalAnd": a .& b
        default: throw GoldenError("the operation \(operation) is not known")
        }
    }

    private func withNumber(_ operation: String, _ a: Tensor, _ number: some TensorScalar) throws -> Tensor {
        switch operation {
        case "add": a + number
        case "subtract": a - number
        case "multiply": a * number
        case "divide": a / number
        case "floorDivide": a.floorDivided(by: number)
        case "remainder": a % number
        case "power": a.pow(number)
        case "equal": a .== number
        case "less": a .< number
        default: throw GoldenError("the operation \(operation) is not known")
        }
    }

    private func numberFirst(_ operation: String, _ number: some TensorScalar, _ b: Tensor) throws -> Tensor {
        switch operation {
        case "add": number + b
        case "subtract": number - b
        case "divide": number / b
        case "power": pow(number, b)
        default: throw GoldenError("the operation \(operation) is not known")
        }
    }

    private func unary(_ operation: String, _ x: Tensor) throws -> Tensor {
        switch operation {
        case "negate": -x
        case "abs": x.abs()
        case "sign": x.sign()
        case "floor": x.floor()
        case "round": x.round()
        case "square": x.square()
        case "exp": x.exp()
        case "sqrt": x.sqrt()
        case "sigmoid": x.sigmoid()
        case "relu": relu(x)
        case "logicalNot": .!x
        case "isNaN": x.isNaN()
        default: throw GoldenError("the operation \(operation) is not known")
        }
    }

    private func reduction(_ operation: String, _ x: Tensor) throws -> Tensor {
        switch operation {
        case "sum": x.sum()
        case "prod": x.product()
        case "mean": x.mean()
        case "max": x.max()
        case "argmax": x.argmax()
        case "any": x.any()
        case "all": x.all()
        case "cumulativeSum": x.cumulativeSum(axis: 0)
        case "softmax": softmax(x, axis: 0)
        default: throw GoldenError("the operation \(operation) is not known")
        }
    }
}
