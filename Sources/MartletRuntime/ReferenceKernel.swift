import MartletGraph

/// A step by the rules of its primitives: operands are read into arrays, evaluated, and the results written.
final class ReferenceKernel: PreparedKernel {
    private let step: StepDescription

    init(_ step: StepDescription) { self.step = step }

    func run(_ pointers: UnsafeMutablePointer<UnsafeMutableRawPointer>, _ scalars: UnsafePointer<Scalar>) throws {
        switch step.work {
        case .primitive(let primitive, let arguments):
            let operands = step.inputs.enumerated().map { index, input in
                HostArray(
                    reading: ReferenceAddress.host(pointers[index]),
                    IndexWalk(input.type.shape, strides: input.strides), input.type)
            }
            let numbers = arguments.map { argument in
                switch argument {
                case .runtime(let index): scalars[index]
                case .fixed(let scalar): scalar
                }
            }
            let results = try primitive.family.evaluate(
                operands, arguments: numbers, results: step.outputs.map(\.type))
            for (index, result) in results.enumerated() where result.count > 0 {
                result.write(to: ReferenceAddress.host(pointers[step.inputs.count + index]))
            }
        case .fused(let kernel):
            let shape = Shape(kernel.sizes)
            var registers = kernel.inputs.map { ReferenceKernel.load($0, shape, pointers, scalars) }
            for instruction in kernel.instructions {
                registers.append(try instruction.evaluate(instruction.operands.map { registers[$0] }, shape))
            }
            for output in kernel.outputs {
                let address = ReferenceAddress.host(pointers[step.inputs.count + output.output])
                try ReferenceKernel.store(registers[output.register], output, kernel.reduced, address)
            }
        }
    }

    /// An input over the whole iteration space.
    private static func load(
        _ input: FusedKernel.Input, _ shape: Shape, _ pointers: UnsafeMutablePointer<UnsafeMutableRawPointer>,
        _ scalars: UnsafePointer<Scalar>
    ) -> HostArray {
        let type = TensorType(shape, input.dtype)
        let walk = IndexWalk(shape, strides: input.strides)
        let positions = 0..<shape.elementCount
        switch input.source {
        case .operand(let index): return HostArray(reading: ReferenceAddress.host(pointers[index]), walk, type)
        case .scalar(let index):
            if input.dtype.isFloatingPoint { return HostArray(type, filledWith: scalars[index].real) }
            return HostArray(type, integer: positions.map { _ in scalars[index].integer })
        case .index(let start):
            return HostArray(type, integer: positions.map { scalars[start].integer &+ walk.offset(of: $0) })
        case .random(let key):
            let start = scalars[key + 1].bits
            let bits = positions.map { position in
                RandomBits.bits(
                    key: scalars[key].bits, position: start &+ UInt64(bitPattern: Int64(walk.offset(of: position))))
            }
            return HostArray(type, integer: bits)
        }
    }

    /// Writes a register, reduced where the output says so, by the output's strides.
    private static func store(
        _ register: HostArray, _ output: FusedKernel.Output, _ reduced: Range<Int>, _ address: UnsafeMutableRawPointer
    ) throws {
        guard let kind = output.reduction else {
            let type = TensorType(register.shape, output.dtype)
            let value = register.type == type ? register : try Cast(output.dtype).evaluated(register)
            return value.write(to: address, IndexWalk(register.shape, strides: output.strides))
        }
        let kept = register.shape.indices.filter { !reduced.contains($0) }
        let type = TensorType(Shape(kept.map { register.shape[$0] }), output.dtype)
        for result in try Reduce(kind, Array(reduced)).evaluate([register], arguments: [], results: [type]) {
            result.write(to: address, IndexWalk(type.shape, strides: kept.map { output.strides[$0] }))
        }
    }
}

extension FusedKernel.Instruction {
    /// The instruction's value by the rule of the primitive that it stands for.
    fileprivate func evaluate(_ operands: [HostArray], _ shape: Shape) throws -> HostArray {
        let type = TensorType(shape, resultType)
        let results =
            switch operation {
            case .unary(let function): try Unary(function).evaluate(operands, arguments: [], results: [type])
            case .binary(let function): try Binary(function).evaluate(operands, arguments: [], results: [type])
            case .select: try Select().evaluate(operands, arguments: [], results: [type])
            case .cast: try Cast(resultType).evaluate(operands, arguments: [], results: [type])
            }
        return results[0]
    }
}

extension Cast {
    fileprivate func evaluated(_ operand: HostArray) throws -> HostArray {
        try evaluate([operand], arguments: [], results: [TensorType(operand.shape, dtype)])[0]
    }
}
