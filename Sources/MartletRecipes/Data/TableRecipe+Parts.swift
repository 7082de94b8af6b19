import MartletData
import MartletGraph

extension TableRecipe {
    /// The rows dealt into parts and made ready by what the training rows teach.
    ///
    /// - Parameters:
    ///   - whole: the rows that can be learnt from and judged by.
    ///   - limit: the rows that are read; nil for all.
    ///   - known: what earlier training rows taught; nil learns anew.
    /// - Throws: `TableError`, and what dealing the rows throws.
    func parts(
        of whole: CSVTable, _ target: TableTarget, _ split: SplitRecipe, limit: Int?, known: TablePreparation?,
        file: String
    ) throws -> (parts: SplitRecipe.Parts, table: TablePreparation) {
        let table = limit.map { $0 < whole.rowCount ? whole.rows(Array(0..<$0)) : whole } ?? whole
        if let known {
            return (try split.parts(of: try known.dataset(of: table), file: file), known)
        }
        guard table.rowCount > 0 else {
            throw TableError(file: table.name, expected: "a row to learn from", found: "none")
        }
        // Dealt by labels alone: before it is known which rows train, nothing may be learnt of the others.
        let labels = try target.labels(of: table)
        let undealt =
            target.isClass
            ? try TensorDataset(labels, labels, classCount: target.classNames.count, classNames: target.classNames)
            : TensorDataset(labels, labels)
        guard let train = try split.parts(of: undealt, file: file).train as? any RecordDataset else {
            stop("TableRecipe.parts: a part of records is no record data set")
        }
        let preparation = try preparation(
            learningFrom: table.rows((0..<train.count).map { train.position(of: $0) }), target)
        // The same split of the same rows: the parts have the same members.
        return (try split.parts(of: try preparation.dataset(of: table), file: file), preparation)
    }
}
