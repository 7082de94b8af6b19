import Foundation
import MartletData
import MartletTensor
import MartletTesting
import Testing

/// The tables of the folder that MARTLET_DATA names, or of ../shared/data.
private enum RealTables {
    static let folder: String? = {
        let named = ProcessInfo.processInfo.environment["MARTLET_DATA"] ?? "\(Repository.root)/../shared/data"
        return FileManager.default.fileExists(atPath: "\(named)/tabular/uci/iris.csv") ? "\(named)/tabular" : nil
    }()

    static func table(_ name: String, header: Bool) throws -> CSVTable {
        try CSVTable(contentsOf: "\(try #require(folder))/\(name)", header: header)
    }
}

@Suite(.enabled(if: RealTables.folder != nil, "no tables: set MARTLET_DATA or put them in ../shared/data/tabular"))
struct RealTableTests {
    @Test func `California housing has its known counts, gaps and categories`() throws {
        let table = try RealTables.table("california_housing/housing.csv", header: true)
        #expect(table.rowCount == 20640)
        #expect(table["total_bedrooms"].missingCount == 207)
        let places: [String] = ["<1H OCEAN", "INLAND", "ISLAND", "NEAR BAY", "NEAR OCEAN"]
        #expect(table["ocean_proximity"].categories == places)
        let data = try table.dropMissing().dataset(target: "median_house_value", oneHot: ["ocean_proximity"])
        #expect(data.featureNames.count == 13)
        let parts = data.split(train: 0.7, validation: 0.15, test: 0.15, seed: 1)
        let counts: [Int] = [parts.train.count, parts.validation.count, parts.test.count]
        #expect(counts == [14303, 3065, 3065])
        let loader = DataLoader(
            parts.train.map(StandardScaler().fitted(to: parts.train)), batchSize: parts.train.count)
        let inputs = try #require(loader.first { _ in true }).inputs
        #expect(inputs.shape == [14303, 13])
        let means = inputs.mean(axis: 0).array()
        let variances = inputs.square().mean(axis: 0).array()
        #expect(means.allSatisfy { abs($0) < 1e-4 })
        #expect(variances.allSatisfy { abs($0 - 1) < 1e-3 })
    }

    @Test func `Iris has ten of each kind in every fold's validation part`() throws {
        let iris = try RealTables.table("uci/iris.csv", header: false).dataset(target: 4)
        #expect(iris.classNames == ["Iris-setosa", "Iris-versicolor", "Iris-virginica"])
        for fold in iris.stratifiedKFold(5, seed: 0) {
            #expect(fold.train.count == 120)
            let labels = try fold.validation.classLabels()
            #expect((0..<3).allSatisfy { own in labels.count { $0 == own } == 10 })
        }
    }

    @Test func `Wine's cultivars are classes where asked`() throws {
        let wine = try RealTables.table("uci/wine.csv", header: false).dataset(target: 13, as: .classes)
        #expect(wine.count == 178)
        #expect(wine.classNames == ["1", "2", "3"])
        let labels = try wine.classLabels()
        #expect((0..<3).map { own in labels.count { $0 == own } } == [59, 71, 48])
        #expect(try wine[0].inputs[7].item() == 0.28)
    }
}
