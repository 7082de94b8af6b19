import Foundation
import MartletFiles
import MartletGraph
import MartletTensor

/// A file of golden values: cases with what a peer answers, as Tests/README.md describes them.
package struct GoldenFile {
    package let name: String
    package let cases: [GoldenCase]
    private let contents: SafetensorsFile

    /// Opens `Tests/Goldens/NAME.safetensors`.
    package init(_ name: String) throws {
        self.name = name
        let path = GoldenFile.path(name, "safetensors")
        contents = try SafetensorsFile(path)
        guard let text = contents.metadata["cases"] else { throw GoldenError("\(path) lists no cases") }
        cases = try JSONDecoder().decode([GoldenCase].self, from: Data(text.utf8))
    }

    /// The path of `Tests/Goldens/NAME.EXTENSION`.
    package static func path(_ name: String, _ pathExtension: String) -> String {
        "\(Repository.root)/Tests/Goldens/\(name).\(pathExtension)"
    }

    /// A tensor of a case, in the type that it is stored in; nil where the case has none of this name.
    package func tensor(_ golden: GoldenCase, _ name: String) throws -> Tensor? {
        guard let entry = contents["\(golden.name)/\(name)"] else { return nil }
        guard let dtype = DataType(stored: entry.type) else {
            throw GoldenError("\(entry.name): no element type for \(entry.type.rawValue)")
        }
        return contents.withBytes(of: entry) { Tensor(copying: $0, type: TensorType(Shape(entry.shape), dtype)) }
    }

    /// A tensor that the case must have.
    package func required(_ golden: GoldenCase, _ name: String) throws -> Tensor {
        guard let tensor = try tensor(golden, name) else { throw GoldenError("\(golden.name) has no tensor \(name)") }
        return tensor
    }
}

/// One case: an operation, its inputs, and what comes out.
package struct GoldenCase: Decodable, Sendable, CustomStringConvertible {
    package let name: String
    package let operation: String
    package let inputs: [String]
    package let expected: [String]
    package let gradients: [String]
    package let attributes: [String: GoldenAttribute]

    package var description: String { name }

    package func integer(_ name: String) -> Int? { attributes[name]?.integer }
    package func number(_ name: String) -> Double? { attributes[name]?.number }
    package func text(_ name: String) -> String? { attributes[name]?.text }
    package func integers(_ name: String) -> [Int]? { attributes[name]?.integers }
    /// An attribute that is absent is false.
    package func isSet(_ name: String) -> Bool { attributes[name]?.truth ?? false }
}

/// An attribute's value.
package enum GoldenAttribute: Decodable, Sendable {
    case missing
    case truth(Bool)
    case number(Double)
    case text(String)
    case list([GoldenAttribute])

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .missing
        } else if let truth = try? container.decode(Bool.self) {
            self = .truth(truth)
        } else if let number = try? container.decode(Double.self) {
            self = .number(number)
        } else if let text = try? container.decode(String.self) {
            self = .text(text)
        } else {
            self = .list(try container.decode([GoldenAttribute].self))
        }
    }

    package var truth: Bool? { if case .truth(let value) = self { value } else { nil } }
    package var number: Double? { if case .number(let value) = self { value } else { nil } }
    package var integer: Int? { number.flatMap { Int(exactly: $0) } }
    package var text: String? { if case .text(let value) = self { value } else { nil } }
    package var list: [GoldenAttribute]? { if case .list(let value) = self { value } else { nil } }
    package var integers: [Int]? { list.map { $0.compactMap(\.integer) } }
}

/// A golden file that does not say what a test needs.
package struct GoldenError: Error, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}
