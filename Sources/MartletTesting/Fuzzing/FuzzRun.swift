import MartletGraph
import MartletRuntime
import MartletTensor

/// One run of a script on one device or several: recorded, held, cut and released as the script says.
package struct FuzzRun {
    private let script: FuzzScript
    private let devices: [Device]
    private let lastUses: [Int]
    /// For each instruction, the checkpoint that it is recorded in.
    private let regions: [CheckpointRegion?]
    private var values: [Value?] = []
    private var handles: [TensorHandle?] = []

    /// The results of the kept instructions; without devices the inputs are uncommitted, with several each
    /// instruction in turn runs on the next one.
    ///
    /// - Parameter checkpoints: stretches of instructions are recorded in checkpoints, some of them inside others.
    package static func results(
        of script: FuzzScript, on devices: [Device] = [], checkpoints: Bool = false
    ) throws -> [HostArray] {
        Runtime.start()
        var run = FuzzRun(script, devices, checkpoints ? script.regions : script.instructions.map { _ in nil })
        return try run.run()
    }

    private init(_ script: FuzzScript, _ devices: [Device], _ regions: [CheckpointRegion?]) {
        self.script = script
        self.devices = devices
        self.regions = regions
        lastUses = script.lastUses
        values = Array(repeating: nil, count: script.instructions.count)
        handles = values.map { _ in nil }
    }

    private mutating func run() throws -> [HostArray] {
        let (own, other) = (Recording(), Recording())
        for index in script.instructions.indices {
            Recording.with(script.instructions[index].isElsewhere ? other : own) {
                Modes.with(
                    { ($0.recordsHistory, $0.checkpoint) = (!script.isInference, regions[index]) }, { step(index) })
            }
            if script.cuts.contains(index) {
                try Flush.all(own)
                try Flush.all(other)
            }
        }
        return try Recording.with(own) {
            try script.instructions.indices.filter { script.instructions[$0].isKept }.map { index in
                guard let value = values[index] else { throw FlushError.lost("a kept instruction") }
                return try HostMemory.array(value)
            }
        }
    }

    /// Records one instruction and lets go of what is read no more.
    private mutating func step(_ index: Int) {
        let instruction = script.instructions[index]
        let device = devices.isEmpty ? nil : devices[index % devices.count]
        var input: Value?
        if case .input(let type, let seed, let layout) = instruction.work {
            input = HostMemory.leaf(script.elements(type, seed: seed), layout: layout, device: device)
        }
        // A gradient is by the value itself, wherever it is, and not by a copy that nothing stands on.
        let goes = instruction.work != .gradient
        let operands = instruction.operands.compactMap { values[$0] }.map { operand in
            goes ? device.map { operand.copied(to: $0) } ?? operand : operand
        }
        let value: Value
        do throws(ShapeError) {
            value = try instruction.work.record(operands, isExact: script.isExact, input: input)
        } catch { stop(error.description) }
        values[index] = value
        let crossesCut = script.cuts.contains { $0 >= index && $0 < lastUses[index] }
        if instruction.isKept || crossesCut || !instruction.isTemporary { handles[index] = TensorHandle(value) }
        for operand in instruction.operands + [index]
        where lastUses[operand] <= index && !script.instructions[operand].isKept {
            values[operand] = nil
            handles[operand] = nil
        }
    }
}

extension FuzzScript {
    /// Checkpoints over stretches of instructions: a third of the stretches in none, the others in one or, one in the other, in two.
    fileprivate var regions: [CheckpointRegion?] {
        var random = FuzzRandom(seed: seed ^ 0xC4EC)
        var regions: [CheckpointRegion?] = []
        while regions.count < instructions.count {
            let outer = random.chance(67) ? CheckpointRegion() : nil
            for _ in 0..<(1 + random.below(3)) {
                let own = outer.map { random.chance(50) ? CheckpointRegion(inside: $0) : $0 }
                regions += Array(repeating: own, count: 1 + random.below(6))
            }
        }
        return regions
    }
}
