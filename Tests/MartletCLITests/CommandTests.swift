import Foundation
import MartletTesting
import Testing

@Suite("The command", .serialized)
struct CommandTests {
    @Test("usage errors end with 64 and say which option is wrong")
    func usage() throws {
        for (arguments, message) in [
            (["train", "--epochs", "0"], "--epochs must be at least 1, it is 0"),
            (["train", "--model", "transformer"], "--model <model>"),
            (["train", "--learning-rate=-1"], "--learning-rate must be a number above 0"),
            (["train", "--device", "tpu"], "--device tpu: there is no such device"),
            (["train", "--resume", "somewhere", "--seed", "1"], "leave out --seed"),
            (["fly"], "Unexpected argument 'fly'"),
        ] {
            let run = try ProgramRun("martlet", arguments)
            #expect(run.exitCode == 64, "\(arguments)")
            #expect(run.errors.contains(message), "\(arguments): \(run.errors)")
        }
    }

    @Test("missing input ends with 66 and names the file")
    func missing() throws {
        for arguments in [
            ["train", "--resume", "nowhere"], ["evaluate", "nowhere"], ["predict", "nowhere", "x.png"],
            ["train", "--data", "mnist", "--data-dir", "nowhere"],
        ] {
            let run = try ProgramRun("martlet", arguments)
            #expect(run.exitCode == 66, "\(arguments): \(run.errors)")
            #expect(run.errors.contains("nowhere"), "\(arguments): \(run.errors)")
        }
    }

    @Test("bad data ends with 65, names file and field, and with --json says so on standard output too")
    func badData() throws {
        let files = try SmallMNIST(train: 64, test: 32)
        try Data(files.labels(of: 32)).write(to: files.folder.appendingPathComponent("train-labels-idx1-ubyte"))
        let run = try ProgramRun(
            "martlet",
            [
                "train", "--data", "mnist", "--data-dir", files.folder.path, "--output", "\(files.folder.path)/run",
                "--json",
            ])
        #expect(run.exitCode == 65)
        #expect(!FileManager.default.fileExists(atPath: files.folder.path + "/run"), "an empty folder was left behind")
        #expect(run.errors.contains("train-labels-idx1-ubyte: count: expected 64"))
        let line = try #require(run.lines.last)
        #expect(line.hasPrefix(#"{"code":65,"event":"error","message":""#))
        try Data("no image".utf8).write(to: files.folder.appendingPathComponent("train-images-idx3-ubyte"))
        let other = try ProgramRun("martlet", ["train", "--data", "mnist", "--data-dir", files.folder.path])
        #expect(other.exitCode == 65)
        #expect(other.errors.contains("train-images-idx3-ubyte: magic"))
    }

    @Test("a run leaves its folder whole, and evaluate, predict and summary work from it")
    func wholeRun() throws {
        let files = try SmallMNIST(train: 256, test: 64)
        let folder = files.folder.appendingPathComponent("run").path
        let data = ["--data", "mnist", "--data-dir", files.folder.path]
        let run = try ProgramRun(
            "martlet", ["train", "--model", "mlp", "--epochs", "3", "--batch-size", "32", "--output", folder] + data)
        #expect(run.exitCode == 0, "\(run.errors)")
        #expect(run.lines.first?.hasPrefix("Test accuracy ") == true)
        #expect(run.errors.contains("MLP 784-128-10 on MNIST: 101,770 parameters, 256 + 64 images"))
        #expect(run.errors.contains("Epoch 3/3"))
        for name in ["config.json", "metrics.jsonl", "model.safetensors", "report.html", "checkpoints"] {
            #expect(FileManager.default.fileExists(atPath: "\(folder)/\(name)"), "\(name)")
        }
        let report = try String(contentsOfFile: folder + "/report.html", encoding: .utf8)
        #expect(report.contains("Confusion matrix"))
        #expect(report.contains("Learning curves"))

        let evaluation = try ProgramRun(
            "martlet", ["evaluate", folder, "--data-dir", files.folder.path, "--json"])
        #expect(evaluation.exitCode == 0, "\(evaluation.errors)")
        #expect(evaluation.lines.first?.contains(#""images":64"#) == true)
        let prediction = try ProgramRun(
            "martlet",
            ["predict", folder, files.folder.appendingPathComponent("t10k-images-idx3-ubyte").path, "--limit", "2"])
        #expect(prediction.exitCode == 0, "\(prediction.errors)")
        #expect(prediction.lines.filter { $0.contains("t10k-images-idx3-ubyte[") }.count == 2)
        let summary = try ProgramRun("martlet", ["summary", folder, "--json"])
        #expect(summary.lines.first?.contains(#""parameters":101770"#) == true)
        // A second run must not be mixed into the first.
        let again = try ProgramRun("martlet", ["train", "--output", folder] + data)
        #expect(again.exitCode == 65)
        #expect(again.errors.contains("resume the run that is there"))
    }

    @Test("a loss that is not a number ends with 65 and names the step and the layer")
    func nonFinite() throws {
        let files = try SmallMNIST(train: 256, test: 64)
        let run = try ProgramRun(
            "martlet",
            [
                "train", "--model", "mlp", "--optimizer", "sgd", "--schedule", "constant", "--learning-rate", "1e38",
                "--data", "mnist", "--data-dir", files.folder.path, "--output",
                files.folder.appendingPathComponent("run").path,
            ])
        #expect(run.exitCode == 65, "\(run.errors)")
        #expect(run.errors.contains("is not a finite number"))
        #expect(run.errors.contains("Try a lower --learning-rate"))
    }

    @Test("doctor, data list and summary tell what is here")
    func information() throws {
        let doctor = try ProgramRun("martlet", ["doctor"], environment: ["MARTLET_ENGINES": "none"])
        #expect(doctor.exitCode == 0)
        #expect(doctor.lines.contains { $0.hasPrefix("Threads") })
        #expect(doctor.lines.contains { $0.contains("martlet engines fetch") })
        let data = try ProgramRun("martlet", ["data", "list"])
        #expect(data.lines.contains { $0.hasPrefix("digits") && $0.contains("drawn by a program") })
        let summary = try ProgramRun("martlet", ["summary", "lenet5"])
        #expect(summary.lines.last?.contains("61,706") == true)
    }
}
