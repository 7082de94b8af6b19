import Foundation
import MartletTesting
import Testing

@Suite("martlet profile and summary --memory")
struct ProfileCommandTests {
    private func object(_ line: String?) throws -> [String: Any] {
        let object = try JSONSerialization.jsonObject(with: Data(try #require(line).utf8))
        return try #require(object as? [String: Any])
    }

    @Test("a profile of training names kernels and layers, where the time went, and the machine's limit")
    func table() throws {
        let run = try ProgramRun("martlet", ["profile", "lenet5", "--batch", "8", "--steps", "2"])
        #expect(run.exitCode == 0, "\(run.errors)")
        let text = run.lines.joined(separator: "\n")
        for part in [
            "LeNet-5, training with adam, 8 images a step, 2 steps", "conv2", "bytes", " MB ", "GB/s", "GFLOP/s",
            "peak memory", "planning:",
        ] {
            #expect(text.contains(part), "\(part) is missing in\n\(text)")
        }
        #expect(text.contains("8×6×14×14, 16×6×5×5"))
        #expect(run.lines.allSatisfy { $0.count <= 100 }, "\(text)")
    }

    @Test("layers take the place of kernels, rows are bounded, and the trace holds planning, runs and kernels")
    func trace() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("profile-\(UUID()).json").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let run = try ProgramRun(
            "martlet",
            [
                "profile", "mlp", "--batch", "4", "--steps", "2", "--inference", "--by", "layer", "--top", "1",
                "--json",
                "--trace", path,
            ])
        #expect(run.exitCode == 0, "\(run.errors)")
        let line = try object(run.lines.last)
        #expect(line["event"] as? String == "profile" && line["inference"] as? Bool == true)
        #expect((line["rows"] as? [[String: Any]])?.count == 1)
        let object = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path)))
        let events = try #require((object as? [String: Any])?["traceEvents"] as? [[String: Any]])
        #expect(Set(events.compactMap { $0["cat"] as? String }) == ["planning", "run", "kernel"])
    }

    @Test("usage errors end with 64 and say which option is wrong; a trace that cannot be written with 70 and its path")
    func usage() throws {
        for (arguments, message) in [
            (["profile", "transformer"], "<model>"),
            (["profile", "--batch", "0"], "--batch must be at least 1, it is 0"),
            (["profile", "--by", "day"], "--by"),
        ] {
            let run = try ProgramRun("martlet", arguments)
            #expect(run.exitCode == 64 && run.errors.contains(message), "\(arguments): \(run.errors)")
        }
        let run = try ProgramRun(
            "martlet", ["profile", "mlp", "--batch", "1", "--steps", "1", "--trace", "/nowhere/at/all.json"])
        #expect(run.exitCode == 70 && run.errors.contains("/nowhere/at/all.json"), "\(run.errors)")
    }

    @Test("the memory of inference and training is shown without running either")
    func memory() throws {
        let run = try ProgramRun("martlet", ["summary", "lenet5", "--memory", "--batch", "64", "--json"])
        #expect(run.exitCode == 0, "\(run.errors)")
        let line = try object(run.lines.last)
        let inference = try #require(line["inference"] as? [String: Int])
        let training = try #require(line["training"] as? [String: Int])
        #expect(inference["gradients"] == 0 && inference["optimizerState"] == 0)
        let parameters = try #require(training["parameters"])
        #expect(parameters >= 4 * 61_706 && training["optimizerState"] == 2 * parameters)
        let (more, less) = (try #require(training["peak"]), try #require(inference["peak"]))
        #expect(more > less)
    }
}
