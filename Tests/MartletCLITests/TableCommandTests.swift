import Foundation
import MartletTesting
import Testing

@Suite("Tables by the command", .serialized)
final class TableCommandTests {
    /// A folder of this test, which goes with it.
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("tables-\(UUID().uuidString)")

    init() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        // Two classes, one on each side of x = 0; every sixth y is missing.
        let rows = (0..<90).map { row in
            let x = Double(row % 2 == 0 ? row + 10 : -row - 10) / 50
            return "\(x),\(row % 6 == 0 ? "" : "\(row % 5)"),\(row % 2 == 0 ? "right" : "left")\n"
        }
        try write("x,y,side\n" + rows.joined(), "sides.csv")
        try write(
            """
            data: {kind: csv, file: \(path("sides.csv")), target: side, missing: median}
            split: {folds: 3, form: stratified}
            model: {layers: [{Linear: 2}]}
            optimizer: {kind: adam, lr: 0.1}
            training: {epochs: 8, batch_size: 10}
            metrics: [f1_macro]
            """, "sides.yaml")
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    private func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    private func write(_ text: String, _ name: String) throws {
        try text.write(toFile: path(name), atomically: true, encoding: .utf8)
    }

    @Test("a recipe with folds trains each in a folder of its own, sums them up, and goes on where it was killed")
    func folds() throws {
        let run = path("run")
        let first = try ProgramRun("martlet", ["train", path("sides.yaml"), "--output", run])
        #expect(first.exitCode == 0, "\(first.errors)")
        for name in ["recipe.yaml", "config.json", "folds.json", "fold-1/model.safetensors", "fold-3/report.html"] {
            #expect(FileManager.default.fileExists(atPath: "\(run)/\(name)"), "\(name)")
        }
        let table = first.lines.suffix(9)
        #expect(table.contains { $0.contains("Fold") && $0.contains("test_accuracy") && $0.contains("f1_macro") })
        #expect(table.contains { $0.contains("Mean") } && table.contains { $0.contains("±") })
        let summary = try String(contentsOfFile: run + "/folds.json", encoding: .utf8)

        // As if the process had been killed in the second fold, after an epoch's checkpoint.
        try FileManager.default.removeItem(atPath: run + "/folds.json")
        for name in ["fold-2/result.json", "fold-2/model.safetensors", "fold-3"] {
            try FileManager.default.removeItem(atPath: "\(run)/\(name)")
        }
        let second = try ProgramRun("martlet", ["train", "--resume", run, "--json"])
        #expect(second.exitCode == 0, "\(second.errors)")
        #expect(second.lines.filter { $0.contains(#""event":"begin""#) }.count == 2)
        #expect(second.lines.last?.contains(#""event":"folds""#) == true)
        #expect(try String(contentsOfFile: run + "/folds.json", encoding: .utf8) == summary)

        let parent = try ProgramRun("martlet", ["predict", run, path("sides.csv")])
        #expect(parent.exitCode == 66 && parent.errors.contains("such as \(run)/fold-1"), "\(parent.errors)")
    }

    @Test("rows of a table are predicted with classes and probabilities, as CSV and as JSON")
    func prediction() throws {
        let run = path("one")
        let made = try ProgramRun(
            "martlet", ["train", path("sides.yaml"), "--output", run, "--set", "split.fold=1"])
        #expect(made.exitCode == 0, "\(made.errors)")
        // Columns in another order, others among them, the target not there.
        try write("name,y,x\na,1,0.9\nb,,-1.1\n", "new.csv")
        let csv = try ProgramRun("martlet", ["predict", run, path("new.csv")])
        #expect(csv.exitCode == 0, "\(csv.errors)")
        #expect(csv.lines.first == "line,prediction,P(left),P(right)")
        #expect(csv.lines.dropFirst().map { $0.split(separator: ",").prefix(2) } == [["2", "right"], ["3", "left"]])
        let file = try ProgramRun("martlet", ["predict", run, path("new.csv"), "--output", path("out.csv")])
        #expect(file.exitCode == 0 && file.lines.isEmpty)
        #expect(
            try String(contentsOfFile: path("out.csv"), encoding: .utf8) == csv.lines.joined(separator: "\n") + "\n")
        let both = try ProgramRun("martlet", ["predict", run, path("new.csv"), "--output", path("p.csv"), "--json"])
        #expect(
            both.exitCode == 64 && both.errors.contains("--output is for CSV in a file, --json for standard output"))
        let json = try ProgramRun("martlet", ["predict", run, path("new.csv"), "--json"])
        #expect(json.lines.last?.contains(#""line":3,"predicted":"left","probabilities":{"left":"#) == true)
        try write("name,y\na,1\n", "short.csv")
        let short = try ProgramRun("martlet", ["predict", run, path("short.csv")])
        #expect(short.exitCode == 65)
        #expect(short.errors.contains("short.csv, column x: expected each of the columns x, y, found no such column"))
        // An interrupted run has checkpoints only.
        try FileManager.default.removeItem(atPath: run + "/model.safetensors")
        let checkpoint = try ProgramRun("martlet", ["predict", run, path("new.csv")])
        #expect(checkpoint.lines == csv.lines, "\(checkpoint.errors)")
    }
}
