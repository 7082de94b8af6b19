/// Batch transforms as a recipe lists them.
struct BatchList: Codable, Equatable {
    let transforms: [any ImageBatchTransform]

    init(transforms: [any ImageBatchTransform]) { self.transforms = transforms }

    init(from decoder: any Decoder) throws {
        var container = try decoder.unkeyedContainer()
        var transforms: [any ImageBatchTransform] = []
        while !container.isAtEnd { transforms.append(try container.decode(Element.self).transform) }
        self.transforms = transforms
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.unkeyedContainer()
        for transform in transforms { try container.encode(Element(transform: transform)) }
    }

    static func == (left: BatchList, right: BatchList) -> Bool {
        left.transforms.count == right.transforms.count
            && zip(left.transforms, right.transforms).allSatisfy { $0.isEqual($1) }
    }

    private struct Element: Codable {
        let transform: any ImageBatchTransform

        init(transform: any ImageBatchTransform) { self.transform = transform }

        init(from decoder: any Decoder) throws {
            transform = try NamedElement.decode(decoder) { name in
                guard let type = BatchCatalog.types[name] else { throw decoder.corrupted(BatchCatalog.unknown(name)) }
                return type
            }
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: NamedElement.Name.self)
            try container.encode(transform, forKey: NamedElement.Name(type(of: transform).name))
        }
    }
}
