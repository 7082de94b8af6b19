import Foundation
import MartletData
import MartletFiles
import MartletNN
import MartletOptim
import MartletTensor

/// Everything that a training run's future depends on, at one step: with the same model, data and settings the run
/// continues from it bit by bit as if it had never stopped.
///
/// A file holds it whole: the tensors of model, optimizer, the epoch's sums and the weights' average under `model.`,
/// `optimizer.`, `totals.` and `average.`, and in the header's metadata the position as JSON and the trainer's notes.
public struct Checkpoint: Sendable {
    /// The numbers beside the tensors.
    public struct Position: Codable, Equatable, Sendable {
        /// The optimizer's steps since the run began: also where a schedule is.
        public var step: Int
        /// Whole epochs done.
        public var epochsDone: Int
        /// Images trained on in the epoch under way.
        public var epochImages: Int
        /// Where the loader is: seed, epoch and batch.
        public var loader: DataLoader.State
        /// The generator of dropout and other drawing layers.
        public var generator: Generator.State
        /// The optimizer's own count of steps.
        public var optimizerSteps: Double
        /// The learning rate of each of its groups.
        public var learningRates: [Double]
        /// The scale of the loss, and how long it has stood; nil where losses are not scaled.
        public var lossScale: LossScaler.State?
        /// Where the statistics of layers are in their rhythm; nil where there are none.
        public var statistics: LayerStatistics.State?
        /// Seconds of the epoch under way.
        public var epochSeconds: Double
        /// Seconds of the run.
        public var elapsedSeconds: Double
    }

    /// The numbers.
    public var position: Position
    /// Parameters and buffers by path.
    public var model: [String: Tensor]
    /// The optimizer's tensors by its own names.
    public var optimizer: [String: Tensor]
    /// The sums of the epoch under way.
    package var totals: [String: Tensor]
    /// The average of the weights, or those that the optimizer evaluates with; empty where a run has neither.
    package var average: [String: Tensor]
    /// The trainer's notes: what it takes to use the model.
    public var notes: [String: String]

    package init(
        position: Position, model: [String: Tensor], optimizer: [String: Tensor], totals: [String: Tensor],
        average: [String: Tensor], notes: [String: String] = [:]
    ) {
        (self.position, self.model, self.optimizer) = (position, model, optimizer)
        (self.totals, self.average, self.notes) = (totals, average, notes)
    }

    private static let formatKey = "martlet.format"
    private static let format = "checkpoint 1"
    private static let positionKey = "martlet.position"
    private static let parts = ["model.", "optimizer.", "totals.", "average."]

    /// Writes the file: to another name first, flushed to the disk, then renamed, so that whatever happens there is the
    /// whole file or none.
    ///
    /// - Throws: `FileError`.
    public func write(to path: String) throws {
        var contents: [String: Tensor] = [:]
        for (part, tensors) in zip(Self.parts, [model, optimizer, totals, average]) {
            for (name, tensor) in tensors { contents[part + name] = tensor }
        }
        let own = [Self.formatKey: Self.format, Self.positionKey: try JSONLines.line(position)]
        let metadata = notes.merging(own) { $1 }
        CheckpointFault.beginWrite()
        var piece = 0
        try SafetensorsWriter.write(contents, to: path, metadata: metadata) { _ in
            CheckpointFault.strike(beforePiece: piece)
            piece += 1
        }
    }

    /// Reads a file.
    ///
    /// - Throws: `FileError` that names the field: those of safetensors, `martlet.format`, `martlet.position`, or a
    ///   tensor whose name belongs to no part.
    public init(contentsOf path: String) throws {
        let file = try SafetensorsFile(path)
        guard file.metadata[Self.formatKey] == Self.format else {
            throw FileError.malformed(
                path, Self.formatKey, expected: Self.format, found: file.metadata[Self.formatKey] ?? "none")
        }
        let text = file.metadata[Self.positionKey] ?? ""
        do {
            position = try JSONDecoder().decode(Position.self, from: Data(text.utf8))
        } catch {
            throw FileError.malformed(path, Self.positionKey, expected: "a run's position as JSON", found: "\(error)")
        }
        var found = Self.parts.map { _ in [String: Tensor]() }
        for (name, tensor) in try file.tensors() {
            guard let part = Self.parts.firstIndex(where: name.hasPrefix) else {
                throw FileError.malformed(
                    path, name, expected: "a name under \(Self.parts.joined(separator: ", "))", found: "none of them")
            }
            found[part][String(name.dropFirst(Self.parts[part].count))] = tensor
        }
        (model, optimizer, totals, average) = (found[0], found[1], found[2], found[3])
        notes = file.metadata.filter { $0.key != Self.formatKey && $0.key != Self.positionKey }
    }

    /// True where a file says that it is a checkpoint; only its header is read.
    ///
    /// - Throws: `FileError` where the file cannot be read.
    public static func isOne(_ path: String) throws -> Bool {
        try SafetensorsFile(path).metadata[formatKey] == format
    }

    /// Puts the weights into a model.
    ///
    /// - Parameters:
    ///   - averaged: the average of the weights in their place, or the weights that the optimizer evaluates with, where there
    ///     are such: what a run measures, and leaves at its end. Buffers are those of training, but where the optimizer has
    ///     other weights to evaluate with and the checkpoint is of an epoch's end: then those that were gathered for them.
    ///   - name: the file's name for errors.
    /// - Throws: `FileError` of kind `mismatch`, with the tensors' names, where the checkpoint is of another network.
    public func load(into model: any Module, averaged: Bool, name: String = "checkpoint") throws(FileError) {
        var tensors = self.model
        // An average has each parameter once, under its first name.
        var firstNames: [ObjectIdentifier: String] = [:]
        for (name, parameter) in model.namedParameters where averaged {
            let firstName = firstNames[ObjectIdentifier(parameter)] ?? name
            firstNames[ObjectIdentifier(parameter)] = firstName
            if let tensor = average["average.\(firstName)"] { tensors[name] = tensor }
        }
        for (name, _) in model.namedBuffers where averaged {
            if let tensor = average["average.\(name)"] { tensors[name] = tensor }
        }
        do { try model.load(tensors) } catch {
            throw FileError(
                .mismatch, file: name, field: "model", expected: "the tensors of \(type(of: model))",
                found: "\(error)")
        }
    }
}
