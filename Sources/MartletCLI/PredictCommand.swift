import ArgumentParser
import Foundation
import Martlet
import MartletRecipes

/// `martlet predict`.
struct PredictCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict", abstract: "Say what images show, with probabilities.",
        discussion: """
            Pictures of any size (PNG, BMP) become grey and 28 by 28; one that is dark on light is inverted, for the \
            networks know light on dark. An IDX file, compressed or not, holds many images.
            """)

    @Argument(help: "A run's folder, or a model.safetensors.") var path: String
    @Argument(help: "PNG, BMP or IDX files.") var images: [String]
    @Option(help: "The network, where the file does not say.") var model: NamedNetwork?
    @Option(help: "Classes that are shown for each image.") var top = 3
    @Option(help: "Images that are read of an IDX file.") var limit = 10
    @Flag(help: "One JSON object an image on standard output.") var json = false

    func validate() throws {
        guard top > 0, limit > 0 else { throw ValidationError("--top and --limit must be at least 1") }
        if images.isEmpty { throw ValidationError("name an image") }
    }

    func run() throws {
        let (layer, note) = try ModelNote.load(path, as: model)
        if let note, note.recipe.data.images == nil {
            throw CommandFailure(.usage, "\(path): was trained on \(note.recipe.data.kind.title), not on images")
        }
        let set = note?.recipe.data.images ?? .mnist
        let names = set == .fashionMNIST ? FashionMNIST.names : (0..<10).map(String.init)
        let terminal = Terminal.standardOutput
        for image in try images.flatMap({ try PreparedImage.read($0, limit: limit) }) {
            let logits = withoutGradient { layer(scaled(image.tensor(set.scaling), note)) }
            let probabilities = logits.softmax(axis: 1).array(as: Double.self)
            let order = probabilities.indices.sorted { (probabilities[$1], $0) < (probabilities[$0], $1) }
            if json {
                try JSONLines.print(
                    Line(
                        image: image.name, predicted: names[order[0]],
                        probabilities: Dictionary(uniqueKeysWithValues: zip(names, probabilities))))
                continue
            }
            let rows = order.prefix(top).map { TerminalBars.Row(names[$0], probabilities[$0]) }
            terminal.write("\(image.name): \(names[order[0]])\n")
            terminal.write(TerminalBars(rows).lines(for: terminal).joined(separator: "\n") + "\n")
        }
    }

    /// What the training's scaler makes of a picture, where it had one.
    private func scaled(_ x: Tensor, _ note: ModelNote?) -> Tensor { note?.scaler?.transform(x) ?? x }

    private struct Line: Encodable {
        let event = "prediction"
        let image: String
        let predicted: String
        let probabilities: [String: Double]
    }
}
