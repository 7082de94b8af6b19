/// Image transforms as a recipe lists them.
struct TransformList: Codable, Equatable {
    let transforms: [any ImageTransform]

    init(_ transforms: [any ImageTransform]) { self.transforms = transforms }

    init(from decoder: any Decoder) throws {
        var container = try decoder.unkeyedContainer()
        var transforms: [any ImageTransform] = []
        while !container.isAtEnd { transforms.append(try container.decode(Element.self).transform) }
        self.transforms = transforms
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.unkeyedContainer()
        for transform in transforms { try container.encode(Element(transform: transform)) }
    }

    static func == (left: TransformList, right: TransformList) -> Bool {
        left.transforms.count == right.transforms.count
            && zip(left.transforms, right.transforms).allSatisfy { $0.isEqual($1) }
    }

    private struct Element: Codable {
        let transform: any ImageTransform

        init(transform: any ImageTransform) { self.transform = transform }

        init(from decoder: any Decoder) throws {
            transform = try NamedElement.decode(decoder) { name in
                guard let type = TransformCatalog.types[name] else {
                    throw decoder.corrupted(TransformCatalog.unknown(name))
                }
                return type
            }
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: NamedElement.Name.self)
            try container.encode(transform, forKey: NamedElement.Name(type(of: transform).name))
        }
    }
}
