import Foundation
import MartletTesting
import Testing

@Suite("Interruptions", .serialized)
struct InterruptionTests {
    @Test("fifty kills, ten of them inside a checkpoint's write, and every run ends bit-identical")
    func torture() throws {
        let martlet = try ProgramRun.location(of: "martlet").path
        let run = try command(
            "/usr/bin/env", ["python3", "\(Repository.root)/scripts/torture", "--kills", "50", "--martlet", martlet])
        run.process.waitUntilExit()
        let printed = run.printed()
        #expect(run.process.terminationStatus == 0, "\(printed)")
        #expect(printed.contains("torture: 50 kills, 10 of them inside a checkpoint's write"))
        #expect(printed.contains("all bit-identical"))
    }

    @Test("an interruption saves a checkpoint, ends with 130 and says how to go on")
    func interruption() throws {
        let files = try SmallMNIST(train: 2560, test: 64)
        let folder = files.folder.appendingPathComponent("run").path
        let options = ["--model", "mlp", "--batch-size", "32", "--data", "mnist", "--data-dir", files.folder.path]
        let run = try command(
            ProgramRun.location(of: "martlet").path, ["train", "--epochs", "100000", "--output", folder] + options)
        // The first line of the metrics says that steps are being taken.
        while !hasLines(folder + "/metrics.jsonl"), run.process.isRunning { usleep(2000) }
        run.process.interrupt()
        run.process.waitUntilExit()
        #expect(run.process.terminationStatus == 130)
        #expect(run.printed().contains("the checkpoint is saved. Go on with\n    martlet train --resume \(folder)"))
        let saved = try FileManager.default.contentsOfDirectory(atPath: folder + "/checkpoints")
        #expect(!saved.isEmpty && saved.allSatisfy { $0.hasSuffix(".safetensors") && !$0.hasPrefix(".") })
        #expect(!FileManager.default.fileExists(atPath: folder + "/model.safetensors"))
    }

    private func hasLines(_ path: String) -> Bool { !(FileManager.default.contents(atPath: path) ?? Data()).isEmpty }

    /// A program that is running, and what it will have printed.
    private func command(_ program: String, _ arguments: [String]) throws -> (process: Process, printed: () -> String) {
        // A file, for a pipe that nobody reads yet would stop the program when it is full.
        let output = FileManager.default.temporaryDirectory.appendingPathComponent("output-\(UUID().uuidString)")
        try Data().write(to: output)
        let (process, handle) = (Process(), try FileHandle(forWritingTo: output))
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.standardOutput = handle
        process.standardError = handle
        try process.run()
        return (
            process,
            {
                defer { try? FileManager.default.removeItem(at: output) }
                return String(decoding: (try? Data(contentsOf: output)) ?? Data(), as: UTF8.self)
            }
        )
    }
}
