import Foundation
import Martlet

// A worker of scripts/bench: answers `run ROW STEPS` with a line of JSON. The rules are written in scripts/bench_peers.py;
// rows that end in `-compiled` run the same step through `compile`.

struct Answer: Encodable {
    var row: String
    var steps: Int?
    var seconds: Double?
    var losses: [Float]?
    var error: String?
}

func answer(_ line: String) -> Answer {
    let words = line.split(separator: " ").map(String.init)
    guard words.count == 3, words[0] == "run", let steps = Int(words[2]), steps > 0 else {
        return Answer(row: line, error: "expected: run ROW STEPS")
    }
    if words[1] == "limit" { return Answer(row: "limit", steps: steps, seconds: MachineLimit.seconds(steps: steps)) }
    guard let row = BenchRow.named(words[1]) else { return Answer(row: words[1], error: "unknown row") }
    let (seconds, losses) = row.measure(steps: steps)
    return Answer(row: words[1], steps: steps, seconds: seconds, losses: losses)
}

let encoder = JSONEncoder()
while let line = readLine() {
    guard let text = try? encoder.encode(answer(line)) else { continue }
    FileHandle.standardOutput.write(text + Data("\n".utf8))
}
