import MartletData
import MartletGraph

/// A change of batches of pictures that recipes can name, beside the changes of single pictures.
public protocol ImageBatchTransform: BatchTransform, Codable, Equatable {
    /// What is wrong with the parameters; nil if nothing is.
    var problem: String? { get }
}

extension ImageBatchTransform {
    /// Nothing.
    public var problem: String? { nil }

    /// The name in recipes.
    public static var name: String { String(describing: Self.self) }

    func requireSound() {
        if let problem { stop("\(Self.name): \(problem)") }
    }

    func requireSound(_ decoder: any Decoder) throws {
        if let problem { throw decoder.corrupted("\(Self.name): \(problem)") }
    }

    func isEqual(_ other: any ImageBatchTransform) -> Bool { (other as? Self) == self }
}

/// Batch transforms by their names in recipes.
enum BatchCatalog {
    static let types: [String: any ImageBatchTransform.Type] = [
        MixUp.name: MixUp.self, CutMix.name: CutMix.self, EachSample.name: EachSample.self,
        BatchChoice.name: BatchChoice.self,
    ]

    static func unknown(_ name: String) -> String {
        let nearest = NearestName.closest(name, among: types.keys) ?? ""
        return "no transform of batches is called \"\(name)\"; the nearest name is \"\(nearest)\""
    }
}
