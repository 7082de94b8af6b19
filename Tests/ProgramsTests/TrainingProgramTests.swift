import Foundation
import MartletTesting
import Testing

/// Programs 03 and 04, compiled as a user writes them, on real MNIST.
struct TrainingProgramTests {
    /// The folder that holds `mnist/`: MARTLET_DATA, or `shared/data` beside the repository.
    static let data: String? = {
        let candidates = [ProcessInfo.processInfo.environment["MARTLET_DATA"], Repository.root + "/../shared/data"]
        return candidates.compactMap { $0 }.first {
            FileManager.default.fileExists(atPath: $0 + "/mnist/train-images-idx3-ubyte.gz")
        }
    }()

    @Test(.enabled(if: data != nil, "MNIST is in neither MARTLET_DATA nor ../shared/data"))
    func programThreeReachesItsAccuracyAndSavesItsModel() throws {
        let run = try ProgramRun("program-03", environment: ["MARTLET_DATA": TrainingProgramTests.data ?? ""])
        #expect(run.exitCode == 0, "\(run.errors)")
        #expect(run.lines.prefix(3).map { $0.prefix(7) } == ["epoch 1", "epoch 2", "epoch 3"])
        let accuracy = run.lines.last.flatMap { Double($0.split(separator: " ").last ?? "") }
        #expect(try #require(accuracy) >= 0.97)
    }

    @Test(.enabled(if: data != nil, "MNIST is in neither MARTLET_DATA nor ../shared/data"))
    func programFourTrainsTheNotesNetworkCompiled() throws {
        let run = try ProgramRun("program-04", environment: ["MARTLET_DATA": TrainingProgramTests.data ?? ""])
        #expect(run.exitCode == 0, "\(run.errors)")
        #expect(run.lines.contains { $0.hasPrefix("total") && $0.contains("225,034") && $0.hasSuffix("2,631,040") })
        let losses = run.lines.filter { $0.hasPrefix("step ") }.compactMap {
            Double($0.split(separator: " ").last ?? "")
        }
        try #require(losses.count == 4)
        // Label smoothing of 0.1 leaves 0.5 at best.
        #expect(losses[0] > 2 && losses[3] < 0.75 && losses[3] >= 0.5)
    }
}
