import MartletData
import MartletFiles
import MartletVision

/// What a recipe's data are, before they are dealt into parts: read once, however many folds are made of it.
public struct RecipeSource: Sendable {
    enum Contents: Sendable {
        /// Images to learn from, those to judge by where the recipe reads them, and how pixels become inputs.
        case images(any RecordDataset, judged: (any RecordDataset)?, PixelScaling)
        case table(CSVTable, TableTarget)
        case drawn(TensorDataset)
    }

    let contents: Contents

    /// Reads what a recipe names.
    ///
    /// - Parameter progress: told how far a download has come.
    /// - Throws: `FileError`, `TableError` or `DataError`.
    public init(_ recipe: Recipe, progress: ((DownloadProgress) -> Void)? = nil) throws {
        let source = recipe.data
        if let images = source.images {
            let hasJudged = source.usesTest && recipe.split.folds == nil
            contents = .images(
                try images.load(.train, directory: source.directory, progress: progress),
                judged: hasJudged ? try images.load(.test, directory: source.directory, progress: progress) : nil,
                images.scaling)
        } else if let table = source.table {
            let (rows, target) = try table.read()
            contents = .table(rows, target)
        } else {
            contents = .drawn(try source.loadDrawn())
        }
    }
}
