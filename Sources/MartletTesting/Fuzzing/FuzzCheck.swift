import MartletGraph

/// What must hold of a script: the devices, or the processor where none is named, give what the reference gives, and where it is
/// cut, or what of it is in checkpoints, changes no bit.
package enum FuzzCheck {
    /// What does not hold, in words; nil where all does.
    package static func failure(of script: FuzzScript, on devices: [Device] = []) -> String? {
        do {
            if let found = try failure(script, devices, "") { return found }
            return try failure(script.variant(), devices, "with other numbers: ")
        } catch { return "failed: \(error)" }
    }

    private static func failure(_ script: FuzzScript, _ devices: [Device], _ prefix: String) throws -> String? {
        let expected = try script.reference()
        let found = try FuzzRun.results(of: script, on: devices)
        var uncut = script
        uncut.cuts = []
        let whole = script.cuts.isEmpty ? found : try FuzzRun.results(of: uncut, on: devices)
        let kept = script.instructions.indices.filter { script.instructions[$0].isKept }
        let repeated =
            script.hasGradients ? try FuzzRun.results(of: script, on: devices, checkpoints: true) : found
        for (position, index) in kept.enumerated() {
            if let words = repeated[position].bitDifference(from: found[position]) {
                return prefix + "%\(index) in checkpoints and without: \(words)"
            }
            if let words = found[position].bitDifference(from: whole[position]) {
                return prefix + "%\(index) cut and uncut: \(words)"
            }
            let bound = bound(script, script.instructions[index].type.dtype)
            if let bound, let words = found[position].difference(from: expected[position], relative: bound) {
                return prefix + "%\(index) against the reference: \(words)"
            }
        }
        return nil
    }

    /// Exact scripts agree to the bit but for gradients, which may leave the small integers; smooth ones are compared in
    /// float64 only, where a few roundings do not grow to anything that a wrong plan would be mistaken for.
    private static func bound(_ script: FuzzScript, _ dtype: DataType) -> Double? {
        if script.isExact { return script.hasGradients ? 1e-9 : 0 }
        return script.isFloat64 ? 1e-6 : nil
    }
}

extension FuzzScript {
    fileprivate var hasGradients: Bool { instructions.contains { $0.work == .gradient } }
    fileprivate var isFloat64: Bool {
        instructions.allSatisfy { !$0.type.dtype.isFloatingPoint || $0.type.dtype == .float64 }
    }
}

/// Makes a failing script smaller while it fails.
package enum FuzzMinimizer {
    package static func minimized(_ script: FuzzScript) -> FuzzScript {
        var best = script
        var progress = true
        while progress {
            progress = false
            for candidate in candidates(best) where FuzzCheck.failure(of: candidate) != nil {
                best = candidate
                progress = true
                break
            }
        }
        return best
    }

    private static func candidates(_ script: FuzzScript) -> [FuzzScript] {
        var result: [FuzzScript] = []
        let kept = script.instructions.indices.filter { script.instructions[$0].isKept }
        if kept.count > 1 {
            for index in kept {
                var one = script
                for other in kept where other != index { one.instructions[other].isKept = false }
                result.append(one)
            }
            for index in kept {
                var less = script
                less.instructions[index].isKept = false
                result.append(less)
            }
        }
        let needed = script.needed
        let idle = script.instructions.indices.filter { !needed.contains($0) && !script.instructions[$0].isInput }
        if !idle.isEmpty {
            var less = script
            for index in idle { less.replaceByInput(index) }
            result.append(less)
        }
        for index in script.instructions.indices.reversed()
        where needed.contains(index) && !script.instructions[index].isInput {
            var less = script
            less.replaceByInput(index)
            result.append(less)
        }
        if !script.cuts.isEmpty {
            for cut in script.cuts.sorted() {
                var less = script
                less.cuts.remove(cut)
                result.append(less)
            }
        }
        for index in needed where script.instructions[index].isElsewhere || script.instructions[index].isTemporary {
            var less = script
            less.instructions[index].isElsewhere = false
            less.instructions[index].isTemporary = false
            result.append(less)
        }
        return result
    }
}

extension FuzzScript.Instruction {
    fileprivate var isInput: Bool { if case .input = work { true } else { false } }
}

extension FuzzScript {
    fileprivate mutating func replaceByInput(_ index: Int) {
        instructions[index].work = .input(instructions[index].type, seed: UInt64(index + 1), layout: 0)
        instructions[index].operands = []
    }
}
