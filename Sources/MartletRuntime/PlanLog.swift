import MartletGraph

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What `MARTLET_LOG=plan` prints on standard error: each plan as it is made, a warning where a loop makes a new one every
/// turn, and when the process ends how many were made, met again and dropped.
///
/// `@unchecked Sendable`: counts are touched under `lock`.
final class PlanLog: @unchecked Sendable {
    /// Nil unless `MARTLET_LOG` names `plan` (its words are separated by commas).
    static let shared: PlanLog? = {
        let words = getenv("MARTLET_LOG").map { String(cString: $0) } ?? ""
        guard words.split(separator: ",").contains("plan") else { return nil }
        Origin.isWatched = true
        atexit { PlanLog.printTotals() }
        return PlanLog { PlanLog.print($0) }
    }()

    private let output: @Sendable (String) -> Void
    private let lock = Lock()
    private var count = 0
    private var loops: [[String]: Loop] = [:]

    /// Plans of the same kernels in the same order, on other shapes.
    private struct Loop {
        var count = 0
        var last: [OperandDescription] = []
    }

    /// A loop is warned of when its kernels were planned so often.
    static let loopBound = 16
    /// Kernel lists that are remembered for the warning.
    private static let loopMemory = 4096

    /// A log that gives what it says to `output`.
    init(output: @escaping @Sendable (String) -> Void) { self.output = output }

    /// Describes a plan that was just made.
    ///
    /// - Parameters:
    ///   - held: what was kept because a variable holds it, as "matmul [32, 10] float32".
    ///   - copied: what the plan reads and lay on another device.
    ///   - took: the time that planning took, preparing kernels included.
    func made(
        _ plan: Plan, held: [String], copied: [(type: TensorType, source: Device)] = [], took: Duration? = nil
    ) {
        let text = lock.withLock {
            count += 1
            return ([heading(plan, held, copied, took)] + plan.descriptions.enumerated().map(line) + warning(plan))
                .joined(separator: "\n")
        }
        output(text)
    }

    private func heading(
        _ plan: Plan, _ held: [String], _ copied: [(type: TensorType, source: Device)], _ took: Duration?
    ) -> String {
        let steps = plan.descriptions
        let reorders = steps.count { $0.isReorder }
        var text =
            "plan \(count): \(steps.count) kernels, \(reorders) of them copies or reorders, "
            + "\(plan.packingCount) that pack or unpack weights in every run, "
            + "\(plan.arenaByteCount) bytes of temporaries, \(plan.resultByteCount) bytes of results"
        if let took {
            let tenths = took.components.seconds * 10_000 + took.components.attoseconds / 100_000_000_000_000
            text += ", made in \(tenths / 10).\(tenths % 10) ms"
        }
        if !held.isEmpty { text += "\n  kept for a variable: " + held.joined(separator: ", ") }
        if !copied.isEmpty {
            let values = copied.map { "\($0.type.shape) \($0.type.dtype) from \($0.source)" }
            text += "\n  copied here from another device: " + values.joined(separator: ", ")
        }
        return text
    }

    private func line(_ index: Int, _ step: StepDescription) -> String {
        let outputs = step.outputs.map(\.logText).joined(separator: ", ")
        let origins = step.origins.isEmpty ? "" : "  [\(step.origins.map(\.description).joined(separator: ", "))]"
        let method =
            (step.method.map { " by \($0)" } ?? "")
            + (step.isOnDemand ? " on demand, as its result is kept" : "")
        return
            "  \(index): \(step.name)\(method) \(step.inputs.map(\.logText).joined(separator: ", ")) → \(outputs)\(origins)"
    }

    /// Called under the lock.
    private func warning(_ plan: Plan) -> [String] {
        let names = plan.descriptions.map(\.name)
        guard !names.isEmpty, loops[names] != nil || loops.count < Self.loopMemory else { return [] }
        let operands = plan.descriptions.flatMap { $0.inputs + $0.outputs }
        var loop = loops[names] ?? Loop()
        let changed = zip(loop.last, operands).first { $0 != $1 }
        loop.count += 1
        loop.last = operands
        loops[names] = loop
        guard loop.count % Self.loopBound == 0 else { return [] }
        let example = changed.map { ": \($0.logText) before, \($1.logText) now" } ?? ""
        return [
            "  warning: these kernels were planned \(loop.count) times on other shapes or attributes\(example); "
                + "a loop whose shapes change every turn pays for a plan every turn"
        ]
    }

    private static func printTotals() {
        let counts = PlanCache.shared.counts
        let made = shared.map { log in log.lock.withLock { log.count } } ?? 0
        let copies = Transfer.count
        print(
            "plans: \(made) made, \(counts.hit) met again, \(counts.evicted) dropped"
                + (copies > 0 ? "; \(copies) values copied between devices" : ""))
    }

    /// One call a text, so that lines of several threads do not mix.
    private static func print(_ text: String) {
        let bytes = Array((text + "\n").utf8)
        _ = write(STDERR_FILENO, bytes, bytes.count)
    }
}

extension OperandDescription {
    /// "[32, 10] float32", with the layout where it is not the usual one.
    var logText: String {
        if isScalarArgument { return "number" }
        let layout =
            block != nil ? " in channel blocks of \(block ?? 0)" : isContiguous ? "" : " with strides \(strides)"
        return "\(valueShape) \(valueType.dtype)\(layout)"
    }

    /// True where its elements are met in the order in which they lie in memory: with gaps, or one for several, at most.
    var isInOrder: Bool {
        let walked = zip(type.shape.sizes, strides).filter { $0 > 1 && $1 != 0 }.map { $1 }
        return walked.allSatisfy { $0 > 0 } && zip(walked, walked.dropFirst()).allSatisfy { $0 >= $1 }
    }
}

extension StepDescription {
    /// True where elements are only moved: a copy, or a change of layout, which may cast them on the way.
    var isReorder: Bool {
        guard case .fused(let kernel) = work, kernel.outputs.allSatisfy({ $0.reduction == nil }),
            kernel.instructions.allSatisfy({ $0.operation == .cast }), let dtype = inputs.first?.type.dtype
        else { return false }
        return outputs.allSatisfy { $0.type.dtype == dtype } || inputs.contains { !$0.isInOrder }
    }
}

extension Plan {
    /// Steps that pack an operand or unpack their result in every run: weights, and gradients of weights.
    var packingCount: Int { steps.count { $0.packsInEveryRun } }
}

extension Plan.Step {
    /// True where an operand is brought into a layout of the kernel's own, or the result out of one, whenever the step runs. What is
    /// packed once and kept does not count.
    fileprivate var packsInEveryRun: Bool {
        if folding != nil { return false }
        if let unpacking = kernel as? any UnpackingKernel, unpacking.unpacksResult { return true }
        guard self.packing == nil, let packed = kernel as? any PackingKernel else { return false }
        return packed.packsAnyway
    }
}
