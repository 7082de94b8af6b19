import MartletData

/// A change of pictures and of what is annotated in them, with random parameters, named and coded as torchvision's
/// `transforms.v2` are.
///
///     let augment = Compose([RandomHorizontalFlip(), RandomAffine(degrees: 10), ToDtype(scale: true)])
///     let loader = DataLoader(train.map(augment), batchSize: 128)
///
/// As a ``SampleTransform`` it changes a sample's inputs, `[channels, height, width]` of bytes or float32. A batch
/// `[batch, channels, height, width]` gets the same random parameters for all of its pictures, as torchvision's do; see
/// ``EachSample`` for parameters of each one's own.
///
/// Coded keys are torchvision's parameter names; a key that is absent has torchvision's default.
public protocol ImageTransform: SampleTransform, Codable, Equatable {
    /// The picture, changed.
    ///
    /// - Parameters:
    ///   - input: the picture and its annotations.
    ///   - random: where random parameters come from.
    /// - Throws: `DataError` where the picture cannot be changed so.
    func callAsFunction(_ input: AnnotatedImage, using random: inout RandomStream) throws -> AnnotatedImage

    /// The name in recipes: torchvision's.
    static var name: String { get }

    /// What is wrong with the parameters; nil if nothing is.
    var problem: String? { get }
}

extension ImageTransform {
    /// Nothing.
    public var problem: String? { nil }

    /// The type's own name.
    public static var name: String { String(describing: Self.self) }

    /// The picture, changed with random numbers of `Generator.current`.
    public func callAsFunction(_ input: AnnotatedImage) throws -> AnnotatedImage {
        var random = RandomStream(.current)
        return try self(input, using: &random)
    }

    /// The picture, changed with random numbers of `Generator.current`.
    public func callAsFunction(_ image: PlanarImage) throws -> PlanarImage { try self(AnnotatedImage(image)).image }

    /// The sample with its inputs changed.
    public func callAsFunction(_ sample: Sample) throws -> Sample {
        var sample = sample
        sample.inputs = try self(PlanarImage(sample.inputs)).tensor
        return sample
    }

    /// Stops where a program gave parameters that make no sense.
    func requireSound() {
        if let problem { ParameterCheck.fail("\(Self.name): \(problem)") }
    }

    /// Throws where a recipe gave parameters that make no sense.
    func requireSound(_ decoder: any Decoder) throws {
        if let problem { throw decoder.corrupted("\(Self.name): \(problem)") }
    }

    /// Throws where a picture has neither one channel nor three.
    func requireColor(_ input: AnnotatedImage) throws {
        guard input.image.channels != 1, input.image.channels != 3 else { return }
        throw error("channels", expected: "1 or 3", found: "\(input.image.channels)")
    }

    /// Throws where a fill has another number of channels than the picture.
    func requireFill(_ fill: Fill, _ input: AnnotatedImage) throws {
        guard fill.values.count > 1, fill.values.count != input.image.channels else { return }
        throw error("fill", expected: "1 value or \(input.image.channels)", found: "\(fill.values.count)")
    }

    func error(_ field: String, expected: String, found: String) -> DataError {
        DataError(dataset: Self.name, field: field, expected: expected, found: found)
    }

    func isEqual(_ other: any ImageTransform) -> Bool { (other as? Self) == self }
}

/// The keys of what has no parameters.
enum NoKeys: CodingKey {}
