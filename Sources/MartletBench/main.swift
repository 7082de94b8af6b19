import Foundation
import Martlet

// A worker of scripts/bench: answers `run ROW STEPS` with a line of JSON. The rules are written in scripts/bench_peers.py;
// rows that end in `-compiled` run the same step through `compile`. `profile ROW STEPS` also shows on standard error where the
// steps' time goes, kernel by kernel.

struct Answer: Encodable {
    var row: String
    var steps: Int?
    var seconds: Double?
    var losses: [Float]?
    var error: String?
}

struct Worker {
    /// The last row that keeps its step, and the step.
    private var kept: (name: String, step: () -> Tensor, losses: [Float])?

    mutating func answer(_ line: String) -> Answer {
        let words = line.split(separator: " ").map(String.init)
        guard words.count == 3, ["run", "profile"].contains(words[0]), let steps = Int(words[2]), steps > 0 else {
            return Answer(row: line, error: "expected: run ROW STEPS, or profile ROW STEPS")
        }
        let name = words[1]
        if name == "limit" { return Answer(row: name, steps: steps, seconds: LimitRow.seconds(steps: steps)) }
        if name.hasPrefix(EpochRow.name), let obstacle = EpochRow.obstacle() {
            return Answer(row: name, error: obstacle)
        }
        guard let row = BenchRow.named(name) else { return Answer(row: name, error: "unknown row") }
        if let kept, kept.name == name {
            return Answer(row: name, steps: steps, seconds: row.measure(kept.step, steps: steps), losses: kept.losses)
        }
        // The old network goes before the new one comes.
        kept = nil
        let (step, losses) = row.begin()
        if words[0] == "profile" {
            let limit = MachineLimit.measured
            let profile = Profiler.record { _ = row.measure(step, steps: steps) }
            FileHandle.standardError.write(Data(profile.table(by: .kernel, top: 60, limit: limit).utf8))
        }
        if row.isKept { kept = (name, step, losses) }
        return Answer(row: name, steps: steps, seconds: row.measure(step, steps: steps), losses: losses)
    }
}

var worker = Worker()
let encoder = JSONEncoder()
while let line = readLine() {
    guard let text = try? encoder.encode(worker.answer(line)) else { continue }
    FileHandle.standardOutput.write(text + Data("\n".utf8))
}
