import MartletGraph
import MartletRuntime
import MartletTensor

/// One run of a script on the processor: recorded, held, cut and released as the script says.
package struct FuzzRun {
    private let script: FuzzScript
    private let lastUses: [Int]
    private var values: [Value?] = []
    private var handles: [TensorHandle?] = []

    /// The results of the kept instructions.
    package static func results(of script: FuzzScript) throws -> [HostArray] {
        Runtime.start()
        var run = FuzzRun(script)
        return try run.run()
    }

    private init(_ script: FuzzScript) {
        self.script = script
        lastUses = script.lastUses
        values = Array(repeating: nil, count: script.instructions.count)
        handles = values.map { _ in nil }
    }

    private mutating func run() throws -> [HostArray] {
        let (own, other) = (Recording(), Recording())
        for index in script.instructions.indices {
            Recording.with(script.instructions[index].isElsewhere ? other : own) { step(index) }
            if script.cuts.contains(index) {
                try Flush.all(own)
                try Flush.all(other)
            }
        }
        return try Recording.with(own) {
            try script.instructions.indices.filter { script.instructions[$0].isKept }.map { index in
                guard let value = values[index] else { throw FlushError.lost("a kept instruction") }
                try Flush.value(of: value.node)
                guard let realized = value.node.realized(value.index) else { throw FlushError.lost("a kept result") }
                return HostArray(reading: realized, value.type)
            }
        }
    }

    /// Records one instruction and lets go of what is read no more.
    private mutating func step(_ index: Int) {
        let instruction = script.instructions[index]
        var input: Value?
        if case .input(let type, let seed, let layout) = instruction.work {
            input = HostMemory.leaf(script.elements(type, seed: seed), layout: layout)
        }
        let operands = instruction.operands.compactMap { values[$0] }
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
