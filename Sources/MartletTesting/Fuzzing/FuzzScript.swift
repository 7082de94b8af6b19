import MartletGraph

/// A random program, and how it is run: what is held until the end, and on which of two recordings each part lies.
package struct FuzzScript: Sendable {
    package struct Instruction: Sendable {
        package var work: FuzzWork
        package var operands: [Int]
        package var type: TensorType
        /// Held to the end and compared.
        package var isKept: Bool
        /// Without a handle of its own unless a cut lies between it and its last use: part of a larger expression.
        package var isTemporary: Bool
        /// Recorded as if by a second thread.
        package var isElsewhere: Bool
    }
    package let seed: UInt64
    /// True where all numbers are small integers: results are then equal to the last bit on every backend.
    package let isExact: Bool
    package var instructions: [Instruction]
    /// Instructions after which everything pending is run.
    package var cuts: Set<Int>

    /// True where it runs without a history, as in inference, where more is folded and packed weights are kept: every second
    /// script that asks for no derivative. Not with convolutions in bfloat16, which are then rounded less often.
    package var isInference: Bool {
        seed % 2 == 0
            && instructions.allSatisfy { instruction in
                !instruction.work.differentiates
                    && !(instruction.work.isConvolution && instruction.type.dtype == .bfloat16)
            }
    }

    /// The last instruction that reads each one; its own index where none does.
    package var lastUses: [Int] {
        var result = Array(instructions.indices)
        for (index, instruction) in instructions.enumerated() {
            for operand in instruction.operands { result[operand] = index }
        }
        return result
    }

    /// What the kept instructions stand on.
    package var needed: Set<Int> {
        var result: Set<Int> = []
        for (index, instruction) in instructions.enumerated().reversed()
        where instruction.isKept || result.contains(index) {
            result.insert(index)
            result.formUnion(instruction.operands)
        }
        return result
    }

    /// The numbers of an input: small integers, or doubles about 1 in size.
    package func elements(_ type: TensorType, seed: UInt64) -> HostArray {
        var random = FuzzRandom(seed: seed)
        let count = type.shape.elementCount
        if !type.dtype.isFloatingPoint {
            let low = type.dtype == .uint8 || type.dtype == .bool ? 0 : -8
            return HostArray(type, integer: (0..<count).map { _ in random.below(type.dtype == .bool ? 2 : 17) + low })
        }
        if isExact { return HostArray(type, real: (0..<count).map { _ in Double(random.below(17) - 8) }) }
        return HostArray(type, real: (0..<count).map { _ in Double(random.next() >> 11) * 0x1p-51 - 2 })
    }

    /// Results of the kept instructions by the reference: every primitive's definition.
    package func reference() throws -> [HostArray] {
        try ReferenceEvaluation.run(on: []) { _ in
            var values: [Value] = []
            var kept: [Value] = []
            for instruction in instructions {
                var input: Value?
                if case .input(let type, let seed, _) = instruction.work {
                    input = HostMemory.leaf(elements(type, seed: seed), layout: 0)
                }
                values.append(FuzzScript.recorded(instruction, values, isExact, input))
                if instruction.isKept { kept.append(values[values.count - 1]) }
            }
            return kept
        }
    }

    static func recorded(
        _ instruction: Instruction, _ values: [Value], _ isExact: Bool, _ input: Value?
    ) -> Value {
        do throws(ShapeError) {
            return try instruction.work.record(instruction.operands.map { values[$0] }, isExact: isExact, input: input)
        } catch { stop(error.description) }
    }
}

extension FuzzScript: CustomStringConvertible {
    package var description: String {
        let alive = needed
        let lines = instructions.enumerated().filter { alive.contains($0.offset) }.map { index, instruction in
            let operands = instruction.operands.map { "%\($0)" }.joined(separator: ", ")
            let marks =
                (instruction.isKept ? " kept" : "") + (instruction.isTemporary ? " temporary" : "")
                + (instruction.isElsewhere ? " elsewhere" : "") + (cuts.contains(index) ? " CUT" : "")
            return "  %\(index) = \(instruction.work)(\(operands)): \(instruction.type)\(marks)"
        }
        return lines.joined(separator: "\n")
    }
}
