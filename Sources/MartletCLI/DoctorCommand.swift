import ArgumentParser
import Foundation
import Martlet
import MartletCPU
import MartletRecipes

/// `martlet doctor`.
struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Show what computes here, and what is missing and how to get it.")

    @Flag(help: "One JSON object on standard output.") var json = false

    func run() throws {
        let engine = OneDNN.shared
        let sets = ImageSet.allCases.map { ($0, DataPlaces.find($0)) }
        if json { return try JSONLines.print(Line(engine, sets)) }
        var table = TerminalTable([.init(""), .init("")])
        table.add("Processor", .text(Machine.processor))
        table.add("Vector extensions", .text(Machine.vectorExtensions.joined(separator: ", ")))
        table.add("Threads", .text(Machine.threads))
        table.add("Devices", "cpu; no CUDA device: this version computes on the processor")
        if let engine {
            table.add("oneDNN", .text("\(engine.version), \(engine.instructionSet), \(engine.path)"))
        } else {
            table.add("oneDNN", "not found: convolutions and products run on portable kernels, correct but slower")
        }
        for (name, place) in sets { table.add(.text(name.title), .text(place.description)) }
        let terminal = Terminal.standardOutput
        terminal.write(table.lines(for: terminal).joined(separator: "\n") + "\n")
        guard engine == nil else { return }
        terminal.write("\nGet oneDNN with\n    martlet engines fetch\nLooked for it here:\n")
        for line in OneDNN.report.split(separator: "\n") { terminal.write("    \(line)\n") }
    }

    private struct Line: Encodable {
        let event = "doctor"
        let processor = Machine.processor
        let vectorExtensions = Machine.vectorExtensions
        let threads = CPUBackend.threadCount
        let oneDNN: String?
        let oneDNNPath: String?
        let oneDNNInstructionSet: String?
        let oneDNNReport: [String]
        let data: [String: String]

        init(_ engine: OneDNN?, _ sets: [(ImageSet, DataPlaces.Place)]) {
            (oneDNN, oneDNNPath, oneDNNInstructionSet) = (engine?.version, engine?.path, engine?.instructionSet)
            oneDNNReport = OneDNN.report.split(separator: "\n").map(String.init)
            data = Dictionary(uniqueKeysWithValues: sets.map { ($0.0.rawValue, $0.1.description) })
        }
    }
}
