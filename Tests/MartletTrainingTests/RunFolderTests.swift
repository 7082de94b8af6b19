import Foundation
import MartletFiles
import MartletTraining
import Testing

/// A folder that goes with the test.
private final class Scratch {
    let path = NSTemporaryDirectory() + "martlet-run-\(UUID().uuidString)"
    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ text: String, to name: String) throws -> String {
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
        return "\(path)/\(name)"
    }
}

private func record(_ epoch: Int, loss: Double = 0.5) -> MetricsRecord {
    MetricsRecord(
        epoch: epoch, step: epoch * 100, trainLoss: loss, testAccuracy: 0.9, learningRate: 0.1, seconds: 1.5,
        elapsedSeconds: 1.5 * Double(epoch))
}

private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

@Suite("Run folder")
struct RunFolderTests {
    @Test("a run's folder is named by model and time, and two in a second do not meet")
    func naming() throws {
        let scratch = try Scratch()
        let first = try RunFolder.create(
            named: "le net/5", in: scratch.path + "/runs", at: Date(timeIntervalSince1970: 1e9))
        let second = try RunFolder.create(
            named: "le net/5", in: scratch.path + "/runs", at: Date(timeIntervalSince1970: 1e9))
        let name = try #require(first.path.split(separator: "/").last)
        #expect(name.wholeMatch(of: /le-net-5-200109[0-9]{2}-[0-9]{6}/) != nil)
        #expect(second.path == first.path + "-2")
        #expect(FileManager.default.fileExists(atPath: first.checkpointsPath))
    }

    @Test("a folder that holds a run is not used for another")
    func occupied() throws {
        let scratch = try Scratch()
        let folder = try RunFolder.create(at: scratch.path + "/mine/")
        #expect(folder.path == scratch.path + "/mine")
        try folder.writeConfiguration(["model": "lenet5"])
        #expect { try RunFolder.create(at: scratch.path + "/mine") } throws: { ($0 as? FileError)?.kind == .mismatch }
        #expect(try RunFolder.open(scratch.path + "/mine") == folder)
        #expect { try RunFolder.open(scratch.path + "/none") } throws: { ($0 as? FileError)?.kind == .missing }
        let file = try scratch.write("", to: "file")
        #expect(throws: FileError.self) { try RunFolder.create(at: file) }
    }

    private struct Configuration: Codable, Equatable {
        struct Optimizer: Codable, Equatable { var rate: Double }
        var model: String
        var optimizer: Optimizer
    }

    @Test("the configuration comes back, and a wrong field is named")
    func configuration() throws {
        let scratch = try Scratch()
        let folder = try RunFolder.create(at: scratch.path)
        let configuration = Configuration(model: "a/b", optimizer: .init(rate: 0.001))
        try folder.writeConfiguration(configuration)
        #expect(try text(folder.configurationPath).contains("\"model\" : \"a/b\""))
        #expect(try folder.readConfiguration(as: Configuration.self) == configuration)
        _ = try scratch.write(#"{"model": "m", "optimizer": {"rate": "fast"}}"#, to: "config.json")
        #expect { try folder.readConfiguration(as: Configuration.self) } throws: {
            ($0 as? FileError)?.kind == .malformed && ($0 as? FileError)?.field == "optimizer.rate"
        }
        _ = try scratch.write(#"{"model": "m", "optimizer": {}}"#, to: "config.json")
        #expect { try folder.readConfiguration(as: Configuration.self) } throws: {
            ($0 as? FileError)?.field == "optimizer.rate" && ($0 as? FileError)?.found == "no such key"
        }
    }

    @Test("checkpoints are listed by step, and other files are not")
    func checkpoints() throws {
        let scratch = try Scratch()
        let folder = try RunFolder.create(at: scratch.path)
        for step in [100_000_000, 20, 3] {
            #expect(FileManager.default.createFile(atPath: folder.checkpointPath(step: step), contents: nil))
        }
        _ = try scratch.write("", to: "checkpoints/.step-00000009.safetensors.1.tmp")
        #expect(folder.checkpoints().map(\.step) == [3, 20, 100_000_000])
        #expect(folder.checkpoints()[0].path == scratch.path + "/checkpoints/step-00000003.safetensors")
    }

    @Test("each record is in the file as soon as it is appended")
    func flushing() throws {
        let scratch = try Scratch()
        let path = scratch.path + "/metrics.jsonl"
        let log = try MetricsLog(at: path)
        try log.append(record(1))
        #expect(
            try text(path) == """
                {"elapsed_seconds":1.5,"epoch":1,"learning_rate":0.1,"seconds":1.5,"step":100,"test_accuracy":0.9,\
                "train_loss":0.5}

                """)
        try log.append(record(2, loss: .nan))
        #expect(try text(path).contains("\"train_loss\":null"))
        let read = try MetricsLog.read(path)
        #expect(read[0] == record(1))
        #expect(read[1].trainLoss.isNaN)
    }

    @Test("resumption drops a torn line and the lines of later steps")
    func resumption() throws {
        let scratch = try Scratch()
        let path = scratch.path + "/metrics.jsonl"
        do {
            let log = try MetricsLog(at: path)
            for epoch in 1...4 { try log.append(record(epoch)) }
        }
        let whole = try text(path)
        _ = try scratch.write(whole + #"{"epoch":5,"st"#, to: "metrics.jsonl")
        #expect(try MetricsLog.read(path).map(\.epoch) == [1, 2, 3, 4])
        let log = try MetricsLog(at: path, resumingAfter: 200)
        try log.append(record(3, loss: 0.25))
        #expect(try MetricsLog.read(path) == [record(1), record(2), record(3, loss: 0.25)])
    }

    @Test("a file torn at any byte loses its last line only")
    func tornAnywhere() throws {
        let scratch = try Scratch()
        let path = scratch.path + "/metrics.jsonl"
        try MetricsLog(at: path).append(record(1))
        let first = try Data(contentsOf: URL(fileURLWithPath: path))
        try MetricsLog(at: path).append(record(2))
        let both = try Data(contentsOf: URL(fileURLWithPath: path))
        for length in first.count...both.count {
            try both.prefix(length).write(to: URL(fileURLWithPath: path))
            _ = try MetricsLog(at: path)
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == (length == both.count ? both : first))
        }
        // Length without bytes, as some file systems leave it.
        try (first + Data(repeating: 0, count: 40) + Data("\n".utf8)).write(to: URL(fileURLWithPath: path))
        #expect(try MetricsLog.read(path) == [record(1)])
    }

    @Test("a broken line in the middle is an error that names the line")
    func brokenMiddle() throws {
        let scratch = try Scratch()
        let path = scratch.path + "/metrics.jsonl"
        try MetricsLog(at: path).append(record(1))
        _ = try scratch.write("{\"epoch\":1}\n" + text(path), to: "metrics.jsonl")
        #expect { _ = try MetricsLog(at: path) } throws: {
            ($0 as? FileError)?.kind == .malformed && ($0 as? FileError)?.field == "line 1"
        }
        #expect { try MetricsLog.read(scratch.path + "/none") } throws: { ($0 as? FileError)?.kind == .missing }
    }
}
