import Foundation
import MartletData
import MartletFiles
import MartletTensor
import MartletTesting
import MartletVision
import Testing

@Suite(.enabled(if: RealData.mnist != nil, "no MNIST: set MARTLET_DATA or put it in ../shared/data/mnist"))
struct MNISTTests {
    @Test func `The test part has its known counts, sums and first labels`() throws {
        let test = try MNIST(.test, directory: RealData.mnist)
        #expect(test.count == 10_000)
        #expect(test.classCount == 10)
        let sample = try test[0]
        #expect(sample.inputs.shape == [1, 28, 28])
        #expect(sample.inputs.dtype == .float32)
        let labels = try (0..<10).map { try test[$0].label.item(as: Int.self) }
        #expect(labels == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9])
    }

    @Test func `Pixels in the unit range are bytes divided by 255, of the mean that the field knows`() throws {
        let train = try MNIST(.train, scaling: .unit, directory: RealData.mnist)
        #expect(train.count == 60_000)
        var total = 0.0
        for batch in DataLoader(train, batchSize: 10_000) {
            #expect(batch.inputs.shape == [10_000, 1, 28, 28])
            total += Double(batch.inputs.mean().item()) / 6
        }
        #expect(abs(total - 0.1306604762738429) < 1e-6)
        let batch = try #require(DataLoader(train, batchSize: 60_000).first { _ in true })
        #expect(batch.inputs.max().item() == 1)
        #expect(batch.inputs.min().item() == 0)
    }

    @Test func `Pixels are standardised unless told otherwise`() throws {
        let train = try MNIST(.train, directory: RealData.mnist)
        let inputs = try #require(DataLoader(train, batchSize: 60_000).first { _ in true }).inputs.to(dtype: .float64)
        #expect(abs(inputs.mean().item(as: Double.self)) < 1e-5)
        #expect(abs(inputs.variance().item(as: Double.self) - 1) < 1e-5)
    }
}

/// Real data where the tests find it.
enum RealData {
    /// The folder of the MNIST files.
    static let mnist: String? = {
        let environment = ProcessInfo.processInfo.environment["MARTLET_DATA"]
        let folders = [environment, Repository.root + "/../shared/data"].compactMap { $0 }
        return folders.map { $0 + "/mnist" }.first { FileManager.default.fileExists(atPath: $0) }
    }()
}
