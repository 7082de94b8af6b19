import ArgumentParser
import Martlet

/// The networks that the command knows by name.
enum ModelName: String, ExpressibleByArgument, Codable, CaseIterable {
    case lenet5, mlp, cnn

    /// As it is written.
    var title: String {
        switch self {
        case .lenet5: "LeNet-5"
        case .mlp: "MLP 784-128-10"
        case .cnn: "The notes' CNN"
        }
    }

    /// A network with weights drawn from the generator.
    func make() -> any Layer {
        switch self {
        case .lenet5: LeNet5()
        case .mlp: MLP()
        case .cnn: NotesCNN()
        }
    }
}

/// What a model's file says about where it comes from.
struct ModelNote {
    let model: ModelName
    let data: DataName?

    private static let modelKey = "martlet.model"
    private static let dataKey = "martlet.data"

    init(model: ModelName, data: DataName?) { (self.model, self.data) = (model, data) }

    var metadata: [String: String] {
        var texts = [Self.modelKey: model.rawValue]
        texts[Self.dataKey] = data?.rawValue
        return texts
    }

    /// A model file, or the one of a run's folder, with its network.
    ///
    /// - Parameter name: the network that the user says it is; else the file says so.
    static func load(_ path: String, as name: ModelName?) throws -> (layer: any Layer, note: ModelNote) {
        let file = isFolder(path) ? try RunFolder.open(path).modelPath : path
        let metadata = try SafetensorsFile(file).metadata
        guard let model = name ?? metadata[modelKey].flatMap(ModelName.init(rawValue:)) else {
            throw CommandFailure(.usage, "\(file): does not say which network it holds; name it with --model")
        }
        let layer = model.make()
        try layer.load(from: file)
        layer.eval()
        return (layer, ModelNote(model: model, data: metadata[dataKey].flatMap(DataName.init(rawValue:))))
    }
}
