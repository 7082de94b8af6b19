import ArgumentParser
import Foundation
import Martlet
import MartletRecipes

/// `martlet profile`.
struct ProfileCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "profile", abstract: "Show where the time of a network's steps goes, kernel by kernel.",
        discussion: """
            Runs steps on random images: training with the optimizer, or inference. Each kernel is held against what this \
            machine can do, measured when the command starts (the roofline): the nearer of its two limits, arithmetic or \
            memory, is the one that binds.
            """)

    @Argument(
        help: "The network (\(NamedNetwork.names)).")
    var model = NamedNetwork.all[0]
    @Option(name: [.customLong("batch"), .customLong("batch-size")], help: "Images in a step.") var batch = 16
    @Option(help: "Steps that are measured.") var steps = 10
    @Option(help: "Steps before those, in which plans are made.") var warmup = 3
    @Option(help: "What products run in: float32, or narrower by autocast.") var precision = Precision.float32
    @Flag(help: "Run the network forward only, as after training.") var inference = false
    @Flag(help: "Record each step anew instead of running it as a compiled function.") var eager = false
    @Option(help: "The optimizer of training steps.") var optimizer = OptimizerRecipe.Kind.adam
    @Option(help: "What a row of the table brings together: kernel or layer.") var by = Profile.Grouping.kernel
    @Option(help: "Rows of the table.") var top = 20
    @Option(help: "A file for the trace, which ui.perfetto.dev and chrome://tracing open.") var trace: String?
    @Flag(help: "One JSON object on standard output.") var json = false

    func validate() throws {
        for (name, number, least) in [
            ("--batch", batch, 1), ("--steps", steps, 1), ("--warmup", warmup, 0), ("--top", top, 1),
        ]
        where number < least {
            throw ValidationError("\(name) must be at least \(least), it is \(number)")
        }
        try optimizer.requireSingleGradient()
    }

    func run() throws {
        // Before anything is traced: kernels then know their layers.
        Profiler.namesLayers = true
        manualSeed(0)
        let limit = MachineLimit.measured
        let step = makeStep()
        let before = Profiler.record { for _ in 0..<warmup { step() } }
        let profile = Profiler.record { for _ in 0..<steps { step() } }
        if let trace { try before.followed(by: profile).write(trace: trace) }
        if json { return try JSONLines.print(ProfileLine(self, profile, limit)) }
        let terminal = Terminal.standardOutput
        terminal.write(
            """
            \(model.title), \(inference ? "inference" : "training with \(optimizer.rawValue)"), \(batch) images a step, \
            \(steps) steps\(eager ? ", eager" : ""), \(precision.rawValue)
            \(Machine.description)
            \(Profile.milliseconds(profile.seconds / Double(steps))) ms a step; \(before.planCount) plans made in \
            \(Profile.milliseconds(before.planningSeconds)) ms before

            \(profile.table(by: by, top: top, limit: limit))
            """)
        if let trace { terminal.write("trace \(trace)\n") }
    }

    /// A step, run to its end.
    private func makeStep() -> () -> Void {
        let network = model.make()
        let images = Tensor.randn(Shape([batch] + model.input.sizes))
        return inference ? inferenceStep(network, images) : trainingStep(network, images)
    }

    private func inferenceStep(_ network: some Layer, _ images: Tensor) -> () -> Void {
        network.eval()
        let body = { (x: Tensor) -> Tensor in
            withoutGradient { precision.around { network(x) }.sum() }
        }
        if eager { return { _ = body(images).item() } }
        let compiled = compile(updating: network, function: body)
        return { _ = compiled(images).item() }
    }

    private func trainingStep(_ network: some Layer, _ images: Tensor) -> () -> Void {
        let labels = Tensor((0..<batch).map { $0 % model.classes })
        let optimizer = optimizer.usual(network, learningRate: 1e-4)
        let body = { (x: Tensor, y: Tensor) -> Tensor in
            optimizer.zeroGradients()
            let loss = precision.around { crossEntropy(network(x), y) }
            loss.backward()
            optimizer.step(keepingGradients: false)
            return loss.detached()
        }
        if eager { return { _ = body(images, labels).item() } }
        let compiled = compile(updating: network, optimizer, function: body)
        return { _ = compiled(images, labels).item() }
    }
}

extension Profile.Grouping: ExpressibleByArgument {}

extension ProfileCommand {
    /// What matrix products and convolutions run in.
    enum Precision: String, ExpressibleByArgument, CaseIterable {
        case float32, bfloat16

        func around(_ body: () -> Tensor) -> Tensor { autocast(isEnabled: self == .bfloat16) { body() } }
    }
}

/// The line of `--json`.
private struct ProfileLine: Encodable {
    struct Row: Encodable {
        let name: String
        let shapes: String
        let layers: String
        let calls: Int
        let seconds: Double
        let flops: Int
        let bytes: Int
        let shareOfLimit: Double
        let isComputeBound: Bool
    }
    let event = "profile"
    let model: String
    let batch: Int
    let steps: Int
    let inference: Bool
    let seconds: Double
    let kernelSeconds: Double
    let dispatchSeconds: Double
    let planningSeconds: Double
    let recordingSeconds: Double
    let peakBytes: Int
    let limitFlopsPerSecond: Double
    let limitBytesPerSecond: Double
    let rows: [Row]

    init(_ command: ProfileCommand, _ profile: Profile, _ limit: MachineLimit) {
        (model, batch, steps) = (command.model.title, command.batch, command.steps)
        inference = command.inference
        (seconds, kernelSeconds) = (profile.seconds, profile.kernelSeconds)
        (dispatchSeconds, planningSeconds) = (profile.dispatchSeconds, profile.planningSeconds)
        (recordingSeconds, peakBytes) = (profile.recordingSeconds, profile.peakByteCount)
        (limitFlopsPerSecond, limitBytesPerSecond) = (limit.flopsPerSecond, limit.bytesPerSecond)
        rows = profile.rows(by: command.by).prefix(command.top).map { row in
            Row(
                name: row.name, shapes: row.shapes, layers: row.layers, calls: row.calls, seconds: row.seconds,
                flops: row.flops, bytes: row.bytes, shareOfLimit: row.share(of: limit),
                isComputeBound: row.isComputeBound(on: limit))
        }
    }
}
