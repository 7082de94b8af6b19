import ArgumentParser
import Foundation
import Martlet
import MartletRecipes

extension DataCommand {
    /// `martlet data show`.
    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write a sheet of the pictures that a network will see.",
            discussion: """
                martlet data show --augment recipe.yaml --output sheet.png
                martlet data show --augment recipe.yaml photos/*.jpg --size 128
                Each row is one picture again and again, as the recipe's augmentation changes it; the first of a row is as it was.
                """)

        @Argument(help: "Pictures (PNG, BMP, JPEG); without any, those of the recipe's data set.") var pictures:
            [String] = []
        @Option(help: "A recipe whose augmentation is shown.") var augment: String
        @Option(name: .customLong("set"), help: "A setting in place of the recipe's: KEY=VALUE.") var overrides:
            [String] = []
        @Option(help: "Pictures that are shown, a row each.") var rows = 8
        @Option(help: "Times that each is shown.") var columns = 8
        @Option(help: "The shorter side that files are brought to first; 0 leaves them.") var size = 160
        @Option(help: "Of the random changes.") var seed: UInt64 = 0
        @Option(help: "The sheet's file, a PNG.") var output = "sheet.png"

        func validate() throws {
            for (name, number) in [("--rows", rows), ("--columns", columns)] where number < 1 {
                throw ValidationError("\(name) must be at least 1, it is \(number)")
            }
            guard size >= 0 else { throw ValidationError("--size must be at least 0, it is \(size)") }
        }

        func run() throws {
            let recipe = try Recipe(contentsOf: augment, overrides: overrides)
            guard let augmentation = recipe.augmentation else {
                throw CommandFailure(.badData, "\(augment): augmentation: expected a list of transforms, found nothing")
            }
            let originals = try pictures.isEmpty ? ofDataSet(recipe) : ofFiles()
            var random = RandomStream(seed: seed)
            var shown: [PlanarImage] = []
            for picture in originals {
                shown.append(picture)
                for _ in 1..<max(2, columns) {
                    shown.append(try augmentation(AnnotatedImage(picture), using: &random).image)
                }
            }
            let sheet = ContactSheet(columns: max(2, columns)).image(of: shown)
            try PNG.write(sheet, to: output)
            Terminal.standardOutput.write("\(output): \(sheet.width) by \(sheet.height) pixels\n")
        }

        private func ofFiles() throws -> [PlanarImage] {
            let read = try pictures.prefix(rows).map { try PlanarImage(Image(contentsOf: $0)) }
            guard size > 0 else { return read }
            return read.map { $0.resized(.shorterEdge(size)) }
        }

        private func ofDataSet(_ recipe: Recipe) throws -> [PlanarImage] {
            guard let images = recipe.data.images else {
                throw CommandFailure(.badData, "\(augment): data: expected images, found \(recipe.data.kind.rawValue)")
            }
            let set = try images.loadReporting(.train, directory: recipe.data.directory)
            let stored = StoredImages(set)
            return try (0..<min(rows, stored.count)).map { try PlanarImage(stored[$0].inputs) }
        }
    }
}
