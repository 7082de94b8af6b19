import Foundation
import MartletData
import MartletTensor
import MartletTraining

/// What a recipe's training part taught about its data: what every sample goes through before the network sees it. A model's
/// file and every checkpoint hold it.
public struct DataPreparation: Sendable {
    /// What inputs are scaled by; nil where they stay as they are.
    public let scaler: AnyScaler?
    /// What labels that are numbers are scaled by; nil where they stay as they are.
    public let labelScaler: AnyScaler?
    /// What a table's rows become before they are scaled; nil where the data are no table.
    public let table: TablePreparation?
    /// The names of the classes in the order of their labels; empty where there are none.
    public let classNames: [String]

    /// What a training part teaches.
    init(
        _ train: some Dataset, _ scaling: ScalingRecipe, areImages: Bool, table: TablePreparation? = nil
    ) throws {
        self.init(
            scaler: try scaling.inputs(train, areImages: areImages), labelScaler: try scaling.labels(train),
            table: table, classNames: train.classNames)
    }

    private init(scaler: AnyScaler?, labelScaler: AnyScaler?, table: TablePreparation?, classNames: [String]) {
        (self.scaler, self.labelScaler, self.table, self.classNames) = (scaler, labelScaler, table, classNames)
    }

    /// Samples as the network sees them.
    func scaled(_ data: any Dataset) -> any Dataset { scaled(any: data) }

    private func scaled(any data: some Dataset) -> any Dataset {
        switch (scaler, labelScaler) {
        case (let inputs?, let labels?): data.map(inputs).map(labels)
        case (let inputs?, nil): data.map(inputs)
        case (nil, let labels?): data.map(labels)
        case (nil, nil): data
        }
    }

    // MARK: In a file's header

    private static let scalerKey = "martlet.scaler", labelScalerKey = "martlet.label_scaler"
    private static let tableKey = "martlet.table", classesKey = "martlet.classes"

    /// The preparation as a file's header holds it.
    var metadata: [String: String] {
        var texts = [String: String]()
        texts[Self.scalerKey] = scaler?.json
        texts[Self.labelScalerKey] = labelScaler?.json
        texts[Self.tableKey] = table?.json
        if !classNames.isEmpty { texts[Self.classesKey] = try? JSONLines.line(classNames) }
        return texts
    }

    /// The preparation in a file's header; a text of an older file may be missing.
    ///
    /// - Throws: `DataError` that names the file and the field.
    init(_ metadata: [String: String], of path: String) throws(DataError) {
        func scaler(_ key: String) throws(DataError) -> AnyScaler? {
            guard let text = metadata[key] else { return nil }
            return try AnyScaler(json: text, name: "\(path): \(key)")
        }
        var table: TablePreparation?
        if let text = metadata[Self.tableKey] {
            table = try TablePreparation(json: text, name: "\(path): \(Self.tableKey)")
        }
        var names: [String] = []
        if let text = metadata[Self.classesKey] {
            do { names = try JSONDecoder().decode([String].self, from: Data(text.utf8)) } catch {
                throw DataError(dataset: path, field: Self.classesKey, expected: "a list of names", found: text)
            }
        }
        self.init(
            scaler: try scaler(Self.scalerKey), labelScaler: try scaler(Self.labelScalerKey), table: table,
            classNames: names)
    }
}
