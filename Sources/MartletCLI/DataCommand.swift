import ArgumentParser
import Martlet
import MartletRecipes

/// `martlet data`.
struct DataCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data", abstract: "Show and fetch data sets.", subcommands: [List.self, Fetch.self, Show.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show the data sets and where they are.")

        @Flag(help: "One JSON object a line on standard output.") var json = false

        func run() throws {
            var table = TerminalTable([.init("Name"), .init("Images", .right), .init("Where")])
            for name in ImageSet.allCases {
                let place = DataPlaces.find(name)
                if json { try JSONLines.print(Line(name: name.rawValue, place: place.description)) }
                table.add(.text(name.rawValue), "60,000 + 10,000", .text(place.description))
            }
            if json { return }
            let terminal = Terminal.standardOutput
            terminal.write(table.lines(for: terminal).joined(separator: "\n") + "\n")
        }

        private struct Line: Encodable {
            let event = "data"
            let name: String
            let place: String
        }
    }

    struct Fetch: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Fetch a data set into the cache, check it, and read it once.")

        @Argument(help: "The data set.") var name: ImageSet

        func run() throws {
            let counts = try ImagePart.allCases.map { try name.loadReporting($0, directory: nil).count }
            let images = counts.map(NumberText.grouped).joined(separator: " + ")
            Terminal.standardOutput.write("\(name.title): \(images) images, \(DataPlaces.find(name))\n")
        }
    }
}
