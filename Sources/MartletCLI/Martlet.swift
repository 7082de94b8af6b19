import ArgumentParser

/// `martlet`: one file a subcommand, thin.
@main
struct MartletCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "martlet", abstract: "Train, evaluate and use neural networks.")
}
