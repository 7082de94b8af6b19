import MartletTesting
import Testing

/// Programs 01 and 02, compiled as a user writes them.
struct TensorProgramTests {
    @Test func programOnePrintsTensorsAsItsCommentsSay() throws {
        let run = try ProgramRun("program-01")
        #expect(run.exitCode == 0, "\(run.errors)")
        let lines = run.lines
        try #require(lines.count == 16)
        #expect(lines[0] == "[3, 3] [2, 3] float32")
        #expect(lines[1...3].elementsEqual(["[[1. 4.]", " [2. 5.]", " [3. 6.]]  float32 [3, 2]"]))
        // Random numbers, the same in each run: two rows of three.
        #expect(lines[4].hasPrefix("[[") && lines[5].hasSuffix("]]  float32 [2, 3]"))
        #expect(lines[4...5].elementsEqual(try ProgramRun("program-01").lines[4...5]))
        #expect(
            lines[6...].elementsEqual([
                "[5.0, 7.0, 9.0] 3.5",
                "[4.0, 5.0] [3.0, 6.0]",
                "[3.0, 6.0] [1.0, 4.0] [1, 2, 3]",
                "[1.0, 4.0]",
                "[9.0, 9.0, 9.0] [1.0, 2.0, 3.0]",
                "[3.0, 6.0] [2, 2]",
                "[4, 3]",
                "bfloat16 [3, 2]",
                "cpu false cpu",
                "cpu [2.0, 4.0, 6.0, 8.0, 10.0, 12.0]",
            ]))
    }

    @Test func programTwoPrintsDerivativesAsItsCommentsSay() throws {
        let run = try ProgramRun("program-02")
        #expect(run.exitCode == 0, "\(run.errors)")
        #expect(
            run.lines == [
                "true",
                "[12.0] [12.0]",
                "9.0 3.0",
                "[9.0] [6.0]",
                "[3.0, 7.0]",
                "[2.0, 0.0, 0.0, 4.0]",
                "[6.0, 0.0, 0.0, 12.0]",
                "[2, 1, 1]",
                "true",
                "[81.0]",
            ])
    }

    @Test func `Program five prints torchvision's names and sizes`() throws {
        let run = try ProgramRun("program-05")
        #expect(run.exitCode == 0, "\(run.errors)")
        let names = ["bias", "num_batches_tracked", "running_mean", "running_var", "weight"]
        let block = ["bn1", "bn2"].flatMap { norm in names.map { "\"\(norm).\($0)\"" } }
        #expect(
            run.lines == [
                "[\((block + ["\"conv1.weight\"", "\"conv2.weight\""]).joined(separator: ", "))]", "[2, 64, 8, 8]",
                "36",
                "25557032", "138357544 61100840", "6624904", "[1, 1000]",
            ])
    }
}
