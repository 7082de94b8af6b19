import MartletGraph

extension StepDescription {
    /// What a run of the step asks of the machine.
    package var cost: Cost {
        switch work {
        case .fused(let kernel): fusedCost(kernel)
        case .primitive(let primitive, _): primitiveCost(primitive)
        }
    }

    /// Every instruction and reduction once for each point of the iteration space; each operand and result touched once.
    private func fusedCost(_ kernel: FusedKernel) -> Cost {
        let points = kernel.sizes.reduce(1, *)
        let instructions = kernel.instructions.count { instruction in
            switch instruction.operation {
            case .unary, .binary: true
            case .select, .cast: false
            }
        }
        let reductions = kernel.outputs.count { $0.reduction != nil }
        let bytes = (inputs + outputs).reduce(0) { $0 + $1.touchedByteCount }
        return Cost(flops: points * (instructions + reductions), bytes: bytes)
    }

    /// The family's answer, for each call that the step repeats; an operand that is one element seen many times is that element.
    private func primitiveCost(_ primitive: Primitive) -> Cost {
        let family = primitive.family
        let (inputCount, outputCount) = (inputs.count / repetitions, outputs.count / repetitions)
        var total = Cost.none
        for call in 0..<repetitions {
            let operands = inputs[call * inputCount..<(call + 1) * inputCount].map(\.valueType)
            let results = outputs[call * outputCount..<(call + 1) * outputCount].map(\.valueType)
            total += family.cost(operands, results)
        }
        total.bytes -= inputs.reduce(0) { $0 + ($1.type.byteCount - $1.touchedByteCount) }
        return total
    }

    /// The type of the numbers that are computed with.
    package var computedType: DataType? { outputs.first?.type.dtype }

    /// Operands and results as text: "32×784, 784×128 → 32×128". Numbers are left out, and calls side by side are counted.
    package var shapeText: String {
        if repetitions > 1 {
            let elements = outputs.reduce(0) { $0 + $1.valueShape.elementCount }
            return "\(elements) elements in \(outputs.count) tensors"
        }
        func text(_ operands: [OperandDescription]) -> String {
            operands.filter { !$0.isScalarArgument }.map { operand in
                let sizes = operand.valueShape.sizes
                return sizes.isEmpty ? "scalar" : sizes.map(String.init).joined(separator: "×")
            }.joined(separator: ", ")
        }
        return "\(text(inputs)) → \(text(outputs))"
    }
}

extension OperandDescription {
    /// Bytes of the different elements that a kernel meets; a number of the run is none.
    fileprivate var touchedByteCount: Int {
        if isScalarArgument { return 0 }
        let count = zip(type.shape.sizes, strides).reduce(1) { $0 * ($1.1 == 0 ? min(1, $1.0) : $1.0) }
        return count * type.dtype.byteCount
    }
}
