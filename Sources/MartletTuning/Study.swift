import Foundation
import MartletData
import MartletFiles
import MartletRecipes
import MartletTraining
import Synchronization

/// Runs the trials of a plan, several at a time, and keeps all that they report: a study that is killed goes on where it was.
public final class Study: Sendable {
    /// What is studied.
    public let plan: StudyPlan
    /// Where everything is kept.
    public let folder: String
    private let store: StudyStore
    private let runner: any TrialRunner

    /// Opens the study in a folder, or begins it.
    ///
    /// - Throws: `StudyError` where the folder holds another study.
    public convenience init(_ plan: StudyPlan, folder: String) throws {
        try self.init(plan, folder: folder, runner: ProcessRunner(plan: plan, folder: folder))
    }

    init(_ plan: StudyPlan, folder: String, runner: any TrialRunner) throws {
        (self.plan, self.folder, self.runner) = (plan, folder, runner)
        store = try StudyStore(folder: folder, plan: plan)
    }

    /// Every trial so far.
    public var trials: [Trial] { get throws { try store.trials() } }

    /// The trial with the best figure of those that trained to their end; nil where none did.
    public var best: Trial? {
        get throws {
            try trials.filter { $0.state == .finished && $0.figure?.isFinite == true }
                .min { cost($0) < cost($1) }
        }
    }

    /// A trial's figure turned so that lower is better.
    public func cost(_ trial: Trial) -> Double { trial.figure.map(cost) ?? .infinity }
    private func cost(_ figure: Double) -> Double { plan.metric.goal == .highest ? -figure : figure }

    /// Runs what is left of the trials.
    ///
    /// - Parameters:
    ///   - isInterrupted: asked all the time: true lets no further trial begin, and ends those that run.
    ///   - observer: told of each trial that ends; from any thread, one call at a time.
    /// - Throws: `StudyError`, and what the database throws.
    public func run(
        isInterrupted: @escaping @Sendable () -> Bool = { false },
        observer: @escaping @Sendable (Trial) -> Void = { _ in }
    ) throws {
        let lock = try FolderLock(folder)
        defer { withExtendedLifetime(lock) {} }
        let queue = TrialQueue(try store.trials())
        let failure = Mutex<(any Error)?>(nil)
        let isStopped: @Sendable () -> Bool = { isInterrupted() || failure.withLock { $0 != nil } }
        DispatchQueue.concurrentPerform(iterations: plan.parallel) { _ in
            do {
                while !isStopped(), let trial = try queue.next({ try self.choose($0) }, of: plan.trials) {
                    try store.begin(trial)
                    guard let ended = try run(trial, isStopped) else { return }
                    try queue.finish(ended) { observer($0) }
                }
            } catch { failure.withLock { $0 = $0 ?? error } }
        }
        if let error = failure.withLock({ $0 }) { throw error }
        try writeResults()
    }

    /// Runs one trial; nil where it was interrupted and waits to be gone on with.
    private func run(_ trial: Trial, _ isStopped: @escaping @Sendable () -> Bool) throws -> Trial? {
        let began = ContinuousClock.now
        let isPruned = Mutex(false)
        let end = try runner.run(trial, isInterrupted: isStopped) { [self] epoch, figure in
            let others = try store.report(trial.number, epoch: epoch, figure: figure)
            guard let pruning = plan.pruning, pruning.isRung(epoch) else { return true }
            let ends = pruning.isPruned(cost(figure), among: others.map(cost))
            if ends { isPruned.withLock { $0 = true } }
            return !ends
        }
        let seconds = (ContinuousClock.now - began) / .seconds(1)
        switch end {
        case .interrupted where !isPruned.withLock({ $0 }): return nil
        case .interrupted: try store.end(trial.number, .pruned, seconds: seconds)
        case .finished: try store.end(trial.number, .finished, seconds: seconds)
        case .failed(let message): try store.end(trial.number, .failed, seconds: seconds, message: message)
        }
        return try store.trials().first { $0.number == trial.number }
    }

    /// The next trial after those so far; nil where the grid has no further point.
    private func choose(_ trials: [Trial]) throws -> Trial? {
        let number = trials.count
        var random = RandomStream(seed: plan.seed, UInt64(number))
        let point: [Double]
        switch plan.algorithm {
        case .grid:
            guard number < plan.space.gridCount else { return nil }
            point = plan.space.gridPoint(number)
        case .random: point = plan.space.dimensions.map { _ in random.unit53() }
        case .tpe:
            let seen = trials.filter { $0.state != .running }.map { trial in
                TreeParzen.Seen(point: trial.point, figure: trial.state == .failed ? .infinity : cost(trial))
            }
            point = TreeParzen(space: plan.space).next(after: seen, &random)
        }
        return Trial(number: number, settings: plan.space.settings(at: point), point: point)
    }

    private func writeResults() throws {
        let trials = try trials
        try AtomicFile.write(
            [UInt8](StudyPage(study: self, trials: trials, best: try best).html.utf8), to: folder + "/results.html")
        guard let best = try best else { return }
        let recipe = try Recipe(
            plan.recipeText, file: plan.file, overrides: StudyPlan.overrides(best.settings))
        try AtomicFile.write([UInt8](try recipe.effectiveText.utf8), to: bestPath)
    }

    /// The recipe of the best trial, written when a study ends.
    public var bestPath: String { folder + "/best.yaml" }
    /// The page with all trials.
    public var pagePath: String { folder + "/results.html" }
}

/// Deals out trials: first those whose process died, then new ones.
private final class TrialQueue: Sendable {
    private struct State {
        var trials: [Trial]
        var unfinished: [Trial]
    }
    private let state: Mutex<State>
    private let observing = Mutex(())

    init(_ trials: [Trial]) {
        state = Mutex(State(trials: trials, unfinished: trials.filter { $0.state == .running }.reversed()))
    }

    func next(_ choose: ([Trial]) throws -> Trial?, of limit: Int) rethrows -> Trial? {
        try state.withLock { state in
            if let trial = state.unfinished.popLast() { return trial }
            guard state.trials.count < limit, let trial = try choose(state.trials) else { return nil }
            state.trials.append(trial)
            return trial
        }
    }

    func finish(_ trial: Trial, _ tell: (Trial) -> Void) throws {
        state.withLock { state in
            if let index = state.trials.firstIndex(where: { $0.number == trial.number }) { state.trials[index] = trial }
        }
        observing.withLock { _ in tell(trial) }
    }
}
