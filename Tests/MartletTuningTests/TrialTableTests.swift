import Foundation
import MartletTraining
import Testing

@testable import MartletTuning

@Suite("The table of trials")
final class TrialTableTests {
    /// A folder of this test, which goes with it.
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("table-\(UUID().uuidString)")

    init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(at: folder) }

    private func lines(_ space: String, _ settings: [String: String]) throws -> [String] {
        let path = folder.appendingPathComponent("tune.yaml").path
        let model = "model: {layers: [{Linear: 8}, {Dropout: 0.1}, {Linear: 10}]}"
        try "data: digits\nsplit: {validation: 10}\n\(model)\ntune: {space: \(space)}\n"
            .write(toFile: path, atomically: true, encoding: .utf8)
        let study = try Study(StudyPlan(contentsOf: path), folder: folder.appendingPathComponent("study").path)
        var trial = Trial(number: 3, settings: settings, point: [])
        (trial.figure, trial.epochs, trial.seconds, trial.state) = (0.25, 12, 3.5, .finished)
        return TrialTable(study, [trial]).lines(width: 100, unicode: true)
    }

    @Test("settings have a column each where they fit into 100 columns")
    func columns() throws {
        let lines = try lines("{optimizer.lr: {log: [1e-4, 1]}}", ["optimizer.lr": "0.0123456"])
        #expect(lines.count == 3 && lines[0].contains("optimizer.lr") && lines[2].hasSuffix("finished   0.0123456"))
    }

    @Test("more settings than that are told in one, on as many lines as they need, none cut short")
    func manySettings() throws {
        let keys = [
            "optimizer.lr", "optimizer.weight_decay", "regularization.clip_norm", "model.layers.0.Linear",
            "model.layers.1.Dropout", "training.batch_size",
        ]
        let space = keys.map { "\($0): [1, 2]" }.joined(separator: ", ").replacing(
            "Dropout: [1, 2]", with: "Dropout: [0, 0.5]")
        let settings = Dictionary(uniqueKeysWithValues: keys.map { ($0, "0.000123456") })
        let lines = try lines("{\(space)}", settings)
        #expect(lines.allSatisfy { $0.count <= 100 }, "\(lines.joined(separator: "\n"))")
        let text = lines.joined(separator: " ")
        for key in ["optimizer.lr", "regularization.clip_norm", "0.Linear", "1.Dropout", "training.batch_size"] {
            #expect(text.contains("\(key)=0.000123456"), "\(key) in\n\(lines.joined(separator: "\n"))")
        }
    }
}
