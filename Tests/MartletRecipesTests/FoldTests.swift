import Foundation
import MartletData
import MartletTensor
import Testing

@testable import MartletRecipes

@Suite("Folds of recipes")
struct FoldTests {
    private static let data = "data: {kind: spirals, count: 60, classes: 3}\nmodel: {layers: [{Linear: 3}]}\n"

    private func parts(_ split: String, fold: Int) throws -> SplitRecipe.Parts {
        let recipe = try Recipe(Self.data + "split: \(split)", file: "r.yaml").fold(fold)
        let points = try TensorDataset(
            Tensor((0..<60).map(Double.init)), Tensor((0..<60).map { $0 % 3 }), classCount: 3)
        return try recipe.split.parts(of: points, file: "r.yaml")
    }

    private func members(_ data: any Dataset) throws -> [Int] {
        try (0..<data.count).map { try data[$0].inputs.item(as: Int.self) }
    }

    @Test("every sample is judged in exactly one fold, and trained with or chosen by in the others")
    func everySampleOnce() throws {
        for form in ["random", "stratified"] {
            var judged = [Int]()
            for fold in 1...4 {
                let parts = try parts("{folds: 4, form: \(form), validation: 0.1, seed: 2}", fold: fold)
                let test = try members(#require(parts.test))
                let validation = try members(#require(parts.validation))
                #expect(test.count == 15 && validation.count == 6)
                #expect(try (members(parts.train) + validation + test).sorted() == Array(0..<60))
                if form == "stratified" { #expect((0..<3).allSatisfy { own in test.count { $0 % 3 == own } == 5 }) }
                judged += test
            }
            #expect(judged.sorted() == Array(0..<60))
        }
    }

    @Test("the recipe of a fold reads back as itself; one of all folds is known")
    func recipes() throws {
        let all = try Recipe(Self.data + "split: {folds: 3}", file: "r.yaml")
        #expect(all.isOfAllFolds)
        let second = try Recipe(all.fold(2).effectiveText)
        #expect(!second.isOfAllFolds && second.split.fold == 2 && second.split.folds == 3)
        #expect(try !Recipe(Self.data).isOfAllFolds)
    }

    @Test("folds that cannot be made are errors with their line")
    func errors() throws {
        for (split, message) in [
            ("{folds: 1}", "r.yaml:3: split.folds: expected a whole number from 2 on, found \"1\""),
            ("{folds: 3, fold: 4}", "split.fold: expected a whole number from 1 to 3, found \"4\""),
            ("{folds: 3, form: ordered}", "split.form: expected random or stratified where there are folds"),
            ("{folds: 3, test: 0.1}", "expected one of"),
        ] {
            let error = #expect(throws: RecipeError.self) {
                try Recipe(Self.data + "split: \(split)", file: "r.yaml")
            }
            #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
        }
        for (split, message) in [
            ("{folds: 61}", "split.folds: expected at most the 60 samples, found 61"),
            (
                "{folds: 2, validation: 30}",
                "split.validation: expected fewer than the 30 samples that no fold holds out"
            ),
        ] {
            let error = #expect(throws: RecipeError.self) {
                try RecipeData(Recipe(Self.data + "split: \(split)", file: "r.yaml"))
            }
            #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
        }
    }

    @Test("a summary has the mean and the deviation of a sample, and reads back")
    func summary() throws {
        let folds = [1.0, 2, 6].map { [FoldSummary.Figure(name: "test_loss", value: $0)] }
        let summary = FoldSummary(folds)
        #expect(summary.totals.map(\.mean) == [3])
        #expect(summary.totals.map(\.deviation) == [Double(7).squareRoot()])
        let text = try JSONEncoder().encode(summary)
        #expect(try JSONDecoder().decode(FoldSummary.self, from: text) == summary)
        let none = try JSONDecoder().decode(FoldSummary.Figure.self, from: Data(#"{"name":"auroc","value":null}"#.utf8))
        #expect(none.value.isNaN)
    }
}
