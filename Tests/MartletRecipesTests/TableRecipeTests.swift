import Foundation
import MartletData
import MartletFiles
import MartletTensor
import MartletTraining
import Testing

@testable import MartletRecipes

@Suite("Recipes of tables")
final class TableRecipeTests {
    /// A folder of this test, which goes with it.
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("table-\(UUID().uuidString)")

    init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(at: folder) }

    private func write(_ text: String, _ name: String) throws -> String {
        let path = folder.appendingPathComponent(name).path
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    /// Rows of which the last quarter has a in the thousands; every fifth a is missing.
    private var gappy: String {
        "a,kind,b,y\n"
            + (0..<40).map { row in
                let a = row % 5 == 0 ? "" : "\(row < 30 ? row : 1000 * row)"
                return "\(a),\(row % 3 == 0 ? "u" : "v"),\(row % 7),\(2 * row + 1)\n"
            }.joined()
    }

    private func recipe(_ file: String, _ more: String, data: String = "target: y, one_hot: [kind]") throws -> Recipe {
        try Recipe("data: {kind: csv, file: \(file), \(data)}\n\(more)\n", file: "r.yaml")
    }

    @Test("missing cells are filled with the figures of the training part alone")
    func fill() throws {
        let file = try write(gappy, "gappy.csv")
        for (missing, expected) in [("mean", 15.0), ("median", 15), ("most_frequent", 1)] {
            let recipe = try recipe(
                file, "split: {form: ordered, validation: 5, test: 5}\nscaling: none",
                data: "target: y, one_hot: [kind], missing: \(missing)")
            let data = try RecipeData(recipe)
            #expect(data.preparation.table?.inputs[0].number == expected, "\(missing)")
            // Row 35 is the first of the test part, and its a is missing.
            #expect(try data.test?[0].inputs.array(as: Double.self)[0] == expected, "\(missing)")
        }
    }

    @Test("a target of numbers with a cell that is none is an error with its line, and classes where a recipe says so")
    func numbersWithMark() throws {
        let file = try write("x,y\n" + (0..<20).map { "\($0),\($0 == 11 ? "?" : "\($0 % 4)")\n" }.joined(), "mark.csv")
        let error = #expect(throws: TableError.self) { try RecipeData(recipe(file, "", data: "target: y")) }
        #expect(error?.line == 13 && error?.column == "y" && error?.found == "\"?\"")
        #expect(error?.expected.contains("target_kind: classes") == true)
        #expect(
            try RecipeData(recipe(file, "", data: "target: y, target_kind: classes")).preparation.classNames
                == ["0", "1", "2", "3", "?"])
        let marked = try RecipeData(recipe(file, "", data: "target: y, missing_marks: ['?']"))
        #expect(marked.preparation.classNames.isEmpty && marked.train.count == 13)
    }

    @Test("a category that only held-out rows have is an error with its line, or passed over where asked")
    func unknownCategory() throws {
        let file = try write(gappy + "5,w,1,3\n", "rare.csv")
        let split = "split: {form: ordered, validation: 0, test: 1}"
        let error = #expect(throws: TableError.self) { try RecipeData(recipe(file, split)) }
        #expect(error?.line == 42 && error?.column == "kind" && error?.found == "\"w\"")
        let data = "target: y, one_hot: [kind], unknown: ignore"
        let prepared = try RecipeData(recipe(file, split + "\nscaling: none", data: data))
        #expect(try prepared.test?[0].inputs.array(as: Int.self) == [5, 0, 0, 1])
    }

    @Test(
        "a column that one cell makes text is an error with that cell's line, in words of recipes, whatever part it is in"
    )
    func oneBadCell() throws {
        let file = try write("a,kind,y\n1,u,1\n2,v,2\n3,u,3\n,v,4\n?,u,5\n", "marks.csv")
        let split = "split: {form: ordered, validation: 0, test: 2}"
        for limit in ["", ", limit: 4"] {
            let data = "target: y, one_hot: [kind], missing: mean" + limit
            let error = #expect(throws: TableError.self) { try RecipeData(recipe(file, split, data: data)) }
            #expect(
                error?.description
                    == "\(file), line 6, column a: expected a number (name the column in one_hot, ordinal or drop, or "
                    + "what stands for nothing in missing_marks), found \"?\"")
        }
        let target = #expect(throws: TableError.self) {
            try RecipeData(recipe(file, split, data: "target: a, target_kind: numbers, one_hot: [kind]"))
        }
        #expect(target?.line == 6 && target?.expected == "a number (name what stands for nothing in missing_marks)")
        let marked = "target: y, one_hot: [kind], missing: mean, missing_marks: [\"?\"]"
        #expect(try RecipeData(recipe(file, split, data: marked)).preparation.table?.inputs[0].number == 2)
    }

    @Test("gaps among categories are filled with the most frequent one, whatever fills numbers")
    func categoryGaps() throws {
        let file = try write("a,kind,class,y\n1,u,1,1\n3,v,2,2\n,u,1,3\n4,v,2,4\n5,,,5\n", "gaps.csv")
        for missing in ["mean", "median", "most_frequent"] {
            let recipe = try recipe(
                file, "split: {form: ordered, validation: 0, test: 1}\nscaling: none",
                data: "target: y, one_hot: [kind, class], missing: \(missing)")
            let data = try RecipeData(recipe)
            #expect(data.preparation.table?.inputs.map(\.category) == [nil, "u", "1"], "\(missing)")
            #expect(try data.test?[0].inputs.array(as: Int.self) == [5, 1, 0, 1, 0], "\(missing)")
        }
    }

    @Test("the model's file and every checkpoint hold the preparation, and predict what the run measured")
    func predictions() throws {
        let file = try write(gappy, "gappy.csv")
        let recipe = try recipe(
            file,
            """
            split: {validation: 4, test: 8, seed: 3}
            scaling: {kind: robust, target: standard}
            model: {layers: [{Linear: 8}, ReLU, {Linear: 1}]}
            training: {epochs: 4, batch_size: 8}
            regularization: {average: exponential}
            metrics: [rmse]
            """, data: "target: y, one_hot: [kind], missing: median")
        let path = folder.appendingPathComponent("run").path
        let runFolder = try RunFolder.create(at: path)
        let (run, result) = try withGenerator(seed: 0) {
            let run = try RecipeRun(recipe, data: RecipeData(recipe))
            return (run, try run.fit(in: runFolder).test)
        }
        let measured = try #require(run.figures(of: result).first?.value)
        let model = path + "/model.safetensors"
        try run.save(to: model)
        let checkpoint = try #require(runFolder.checkpoints().last?.path)
        // The rows of the test part alone, in another order of columns.
        let table = try CSVTable(contentsOf: file)
        let test = table.rows(try testRows(of: recipe, table.rowCount))
        let held = try write(
            "y,more,b,kind,a\n"
                + (0..<test.rowCount).map { row in
                    ["y", "", "b", "kind", "a"].map { $0.isEmpty ? "?" : test[$0].texts[row] ?? "" }
                        .joined(separator: ",") + "\n"
                }.joined(), "held.csv")
        for source in [model, checkpoint] {
            let (layer, note) = try ModelNote.load(source)
            let loaded = try #require(note)
            let prediction = try #require(try TablePrediction(layer, loaded, table: held))
            #expect(prediction.classNames.isEmpty && prediction.target == "y")
            #expect(prediction.rows.map(\.line) == Array(2...9))
            let answers = prediction.rows.compactMap { $0.predicted.flatMap(Double.init) }
            let actual = try #require(test["y"].numbers)
            let squares = zip(answers, actual).map { ($0 - $1) * ($0 - $1) }
            let error = (squares.reduce(0, +) / Double(squares.count)).squareRoot()
            #expect(abs(error - measured) < 1e-4 * measured, "\(source): \(error), the run measured \(measured)")
        }
    }

    /// The rows that a recipe judges by.
    private func testRows(of recipe: Recipe, _ count: Int) throws -> [Int] {
        let rows = TensorDataset(Tensor(Array(0..<count)), Tensor(Array(0..<count)))
        let test = try #require(try recipe.split.parts(of: rows, file: "r.yaml").test)
        return try (0..<test.count).map { try test[$0].label.item(as: Int.self) }
    }

    @Test("of Poisson's likelihood, whose outputs are logarithms, rates are measured and predicted")
    func rates() throws {
        let file = try write("x,count\n" + (0..<60).map { "\($0 % 6),\(1 << ($0 % 6))\n" }.joined(), "counts.csv")
        let recipe = try recipe(
            file,
            """
            split: {validation: 0, test: 12}
            model: {layers: [{Linear: 1}]}
            loss: poisson
            optimizer: {kind: adam, lr: 0.1}
            training: {epochs: 60, batch_size: 16}
            metrics: [rmse]
            """, data: "target: count")
        let (run, result) = try withGenerator(seed: 0) {
            let run = try RecipeRun(recipe, data: RecipeData(recipe))
            return (run, try run.fit().test)
        }
        // The logarithm of a count is a line in x: rates near the counts follow.
        let measured = try #require(run.figures(of: result).first?.value)
        #expect(measured < 1, "\(measured)")
        let model = folder.appendingPathComponent("rates.safetensors").path
        try run.save(to: model)
        let (layer, note) = try ModelNote.load(model)
        let loaded = try #require(note)
        let prediction = try #require(try TablePrediction(layer, loaded, table: file))
        for (row, answer) in prediction.rows.prefix(6).enumerated() {
            let rate = try #require(answer.predicted.flatMap(Double.init))
            #expect(abs(rate - Double(1 << row)) < 1.5, "\(rate) for \(1 << row)")
        }
    }

    @Test("rows with missing cells have no prediction where such rows were left out of training; columns must be there")
    func incompleteRows() throws {
        let file = try write(gappy, "gappy.csv")
        let recipe = try recipe(
            file, "model: {layers: [{Linear: 2}]}\ntraining: {epochs: 1}",
            data: "target: kind, drop: [y]")
        let run = try withGenerator(seed: 0) { try RecipeRun(recipe, data: RecipeData(recipe)) }
        let model = folder.appendingPathComponent("m.safetensors").path
        try run.save(to: model)
        let (layer, note) = try ModelNote.load(model)
        let loaded = try #require(note)
        #expect(loaded.preparation.classNames == ["u", "v"])
        let prediction = try #require(try TablePrediction(layer, loaded, table: file))
        #expect(prediction.unansweredCount == 8 && prediction.count(of: .missingCells) == 8)
        // Beyond float32: the network's output is no number.
        let huge = try write("a,b\n1e300,1\n,1\n1,1\n", "huge.csv")
        let beyond = try #require(try TablePrediction(layer, loaded, table: huge))
        #expect(beyond.rows.map(\.failure) == [.nonFiniteOutput, .missingCells, nil])
        #expect(prediction.csv.split(separator: "\n").prefix(2) == ["line,prediction,P(u),P(v)", "2,,,"])
        #expect(prediction.rows.allSatisfy { $0.predicted == nil || abs($0.probabilities.reduce(0, +) - 1) < 1e-5 })
        let other = try write("a,B\n1,2\n", "other.csv")
        let error = #expect(throws: TableError.self) { try TablePrediction(layer, loaded, table: other) }
        #expect(error?.description.hasSuffix("found no such column; did you mean B?") == true)
    }
}
