import Foundation
import MartletTesting
import Testing

@Suite("The schedule command", .serialized)
struct ScheduleCommandTests {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("schedule-\(UUID().uuidString)")

    private struct Line: Decodable {
        struct Point: Decodable {
            let step: Int
            let value: Double
        }
        let event: String
        let steps: Int
        let points: [Point]
    }

    @Test("every kind is plotted in the terminal, in 80 columns at most")
    func kinds() throws {
        for kind in [
            "constant", "step", "multi-step", "exponential", "polynomial", "linear", "cosine", "inverse-square-root",
            "warm-restarts", "one-cycle", "cyclic",
        ] {
            let run = try ProgramRun("martlet", ["schedule", kind, "--steps", "300", "--warmup", "20"])
            #expect(run.exitCode == 0, "\(kind): \(run.errors)")
            #expect(run.lines.count == 18 && run.lines.allSatisfy { $0.count <= 110 }, "\(kind)")
            #expect(run.lines.prefix(17).allSatisfy { $0.count <= 80 }, "\(kind)")
            #expect(run.lines.last?.hasPrefix("\(kind): ") == true, "\(run.lines)")
        }
    }

    @Test("a file's schedule is the one that --json prints, and the SVG is a picture")
    func files() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("schedule.json").path
        let svg = folder.appendingPathComponent("schedule.svg").path
        let json =
            #"{"kind":"warmup","start":0,"steps":4,"then":{"kind":"polynomial","from":1,"to":0,"power":1,"steps":8}}"#
        try Data(json.utf8).write(to: URL(fileURLWithPath: path))
        let run = try ProgramRun("martlet", ["schedule", "--file", path, "--steps", "13", "--svg", svg, "--json"])
        #expect(run.exitCode == 0, "\(run.errors)")
        let text = try #require(run.lines.first)
        let line = try JSONDecoder().decode(Line.self, from: Data(text.utf8))
        #expect(line.event == "schedule" && line.steps == 13)
        #expect(line.points.map(\.step) == Array(0..<13))
        #expect(line.points.map(\.value) == [0.25, 0.5, 0.75, 1, 1, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125, 0])
        let picture = try String(contentsOfFile: svg, encoding: .utf8)
        #expect(picture.hasPrefix("<svg xmlns=") && picture.hasSuffix("</svg>\n"))
        #expect(picture.components(separatedBy: "class=\"curve\"").count == 2 && !picture.contains("nan"))
    }

    @Test("what is wrong with a file or an option is named")
    func faults() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("broken.json").path
        for (json, message) in [
            (#"{"kind":"cosine","from":1,"to":0,"warmup":0}"#, "steps is missing"),
            (#"{"kind":"warmup","steps":4,"then":{"kind":"polynomial","from":"x"}}"#, "then.from: expected Double"),
            (#"{"kind":"sine"}"#, "kind: no schedule \"sine\""), ("no json", "broken.json"),
        ] {
            try Data(json.utf8).write(to: URL(fileURLWithPath: path))
            let run = try ProgramRun("martlet", ["schedule", "--file", path])
            #expect(run.exitCode == 65, "\(json)")
            #expect(run.errors.contains(message) && run.errors.contains("broken.json"), "\(json): \(run.errors)")
        }
        for (arguments, code, message) in [
            (["schedule"], 64, "name a kind"), (["schedule", "cosine", "--steps", "0"], 64, "--steps must be from 1"),
            (["schedule", "multi-step", "--milestones", "3,x"], 64, "x is no step"),
            (["schedule", "--file", "nowhere.json"], 66, "nowhere.json"),
        ] {
            let run = try ProgramRun("martlet", arguments)
            #expect(run.exitCode == Int32(code) && run.errors.contains(message), "\(arguments): \(run.errors)")
        }
    }
}
