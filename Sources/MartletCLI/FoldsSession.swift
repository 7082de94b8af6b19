import Foundation
import Martlet
import MartletRecipes

/// A run for each fold of a recipe, in a folder of its own below the run's; those that are done are not done again.
struct FoldsSession {
    let recipe: Recipe
    let source: RecipeSource
    let folder: RunFolder
    let resumes: Bool
    let isJSON: Bool

    private var summaryPath: String { folder.path + "/folds.json" }

    /// Throws where a fold cannot be trained: before the run has a folder, and before the first fold has taken its time.
    static func check(_ recipe: Recipe, _ source: RecipeSource) throws {
        guard recipe.data.usesTest else {
            throw CommandFailure(.usage, "split.folds needs the data that are held out: leave data.use_test as it is")
        }
        for number in 1...(recipe.split.folds ?? 1) {
            let own = try recipe.fold(number)
            let data = try RecipeData(own, of: source)
            // The folds differ by their data alone.
            if number == 1 { _ = try RecipeRun(own, data: data) }
        }
    }

    func run() throws {
        let lock = try FolderLock(folder.path)
        defer { withExtendedLifetime(lock) {} }
        // Checkpoints are the folds' own.
        rmdir(folder.checkpointsPath)
        if !resumes {
            try AtomicFile.write([UInt8](try recipe.effectiveText.utf8), to: folder.recipePath)
            try folder.writeConfiguration(RunConfiguration())
        }
        let summary = FoldSummary(try (1...(recipe.split.folds ?? 1)).map(figures))
        try AtomicFile.write(try JSONLines.document(summary), to: summaryPath)
        try show(summary)
    }

    /// The figures of a fold, trained where it is not yet.
    private func figures(_ number: Int) throws -> [FoldSummary.Figure] {
        let path = folder.foldPath(number)
        let resultPath = path + "/result.json"
        if let known = FileManager.default.contents(atPath: resultPath) {
            do { return try JSONDecoder().decode([FoldSummary.Figure].self, from: known) } catch {
                throw FileError(
                    .malformed, file: resultPath, field: "figures", expected: "a list of names and values",
                    found: "\(error)")
            }
        }
        let own = try recipe.fold(number)
        let run = try RecipeRun(own, data: RecipeData(own, of: source))
        let goesOn = FileManager.default.fileExists(atPath: path + "/config.json")
        let foldFolder = goesOn ? try RunFolder.open(path) : try RunFolder.create(at: path)
        let session = TrainSession(
            run: run, folder: foldFolder, resumes: goesOn, isJSON: isJSON, foldsFolder: folder.path)
        let figures = try session.train()
        try AtomicFile.write(try JSONLines.document(figures), to: resultPath)
        return figures
    }

    private func show(_ summary: FoldSummary) throws {
        if isJSON {
            return try JSONLines.print(Event.Folds(folder: folder.path, folds: summary.folds, totals: summary.totals))
        }
        var table = TerminalTable([.init("Fold", .right)] + summary.totals.map { .init($0.name, .right) })
        for (index, figures) in summary.folds.enumerated() {
            let cells = summary.totals.map { total in
                figures.first { $0.name == total.name }.map { NumberText.fixed($0.value, decimals: 4) } ?? "-"
            }
            table.add([.count(index + 1)] + cells.map { .text($0) })
        }
        table.addFooter([.text("Mean")] + summary.totals.map { .text(NumberText.fixed($0.mean, decimals: 4)) })
        table.addFooter([.text("±")] + summary.totals.map { .text(NumberText.fixed($0.deviation, decimals: 4)) })
        let terminal = Terminal.standardOutput
        terminal.write(table.lines(for: terminal).joined(separator: "\n") + "\nFolds   \(summaryPath)\n")
    }
}
