import MartletGraph

extension FuzzScript {
    /// The same script with other numbers, attributes and input elements but the same shapes: whoever takes one's plan for
    /// the other's gives a wrong answer.
    package func variant() -> FuzzScript {
        var random = FuzzRandom(seed: seed ^ 0x5A5A)
        var copy = self
        for index in instructions.indices { copy.instructions[index].work = varied(instructions[index], &random) }
        return copy
    }

    private func varied(_ instruction: Instruction, _ random: inout FuzzRandom) -> FuzzWork {
        switch instruction.work {
        case .input(let type, let seed, let layout): return .input(type, seed: seed &+ 1, layout: layout)
        case .number(let function, let number): return .number(function, (number + 3) % 9)
        case .unary(let function):
            let alike: [UnaryFunction] = isExact ? [.negate, .absolute, .relu] : [.sin, .cos, .tanh]
            return alike.contains(function) ? .unary(random.element(alike)) : instruction.work
        case .binary(let function):
            return [.maximum, .minimum].contains(function)
                ? .binary(random.element([.maximum, .minimum])) : instruction.work
        case .slice(let starts, let sizes, let steps):
            let shape = instructions[instruction.operands[0]].type.shape
            let moved = starts.indices.map { axis in
                let reach = shape[axis] - Swift.max(0, sizes[axis] - 1) * steps[axis]
                return sizes[axis] == 0 ? starts[axis] : random.below(reach)
            }
            return .slice(starts: moved, sizes: sizes, steps: steps)
        case .flip:
            let rank = instruction.type.shape.rank
            let axes = (0..<rank).filter { _ in random.chance(50) }
            return .flip(axes.isEmpty ? [rank - 1] : axes)
        case .reduce(let kind, let axes):
            return [.max, .min].contains(kind) ? .reduce(random.element([.max, .min]), axes) : instruction.work
        case .cumulativeSum(let axis, let reverse, let exclusive):
            return .cumulativeSum(axis: axis, reverse: !reverse, exclusive: exclusive)
        case .sort(let axis, let descending, let positions):
            return .sort(axis: axis, descending: !descending, positions: positions)
        case .randomBits(let shape, let start): return .randomBits(shape, start: start + 5)
        case .filled(let type, let number): return .filled(type, (number + 1) % 4)
        case .sgd(let rate): return .sgd(rate: (rate + 1) % 3)
        case .adam(let rate): return .adam(rate: (rate + 1) % 9)
        case .select, .cast, .reshape, .permute, .expand, .updateSlice, .concatenate, .gather, .scatter, .indexSelect,
            .indexAdd, .argReduce, .matmul, .convolution, .convolutionGradient, .maxPool, .averagePool, .iota, .softmax,
            .batchNorm, .watch,
            .gradient:
            return instruction.work
        }
    }
}
