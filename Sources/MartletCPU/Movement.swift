import MartletGraph
import MartletRuntime

extension CPUBackend {
    /// The base where it is already (in place), else a copy of it; then the updates over their range.
    func prepare(
        _ update: UpdateSlice, _ arguments: [ArgumentReference], _ step: StepDescription
    ) -> any PreparedKernel {
        let base = step.inputs[0].type
        let strides = base.shape.contiguousStrides
        let write = FusedProgram(
            .copying(
                step.inputs[1].type, from: step.inputs[1].strides, to: zip(strides, update.steps).map { $0 * $1 }))
        let byteCount = base.byteCount
        let size = base.dtype.byteCount
        return ClosureKernel { pointers, scalars in
            if pointers[2] != pointers[0] { pointers[2].copyMemory(from: pointers[0], byteCount: byteCount) }
            var offset = 0
            for (axis, argument) in arguments.enumerated() { offset += argument.value(scalars).integer * strides[axis] }
            withTable([pointers[1], pointers[2] + offset * size]) { write.run($0, scalars) }
        }
    }

    /// Each part copied to its place.
    func prepare(_ concatenation: Concatenate, _ step: StepDescription) -> any PreparedKernel {
        let shape = step.outputs[0].type.shape
        let strides = shape.contiguousStrides
        let size = step.outputs[0].type.dtype.byteCount
        // Channels that all lie side by side are joined there.
        let axis = step.outputs[0].block != nil && shape[1] == 1 ? shape.rank - 1 : concatenation.axis
        var position = 0
        let parts = step.inputs.map { input -> (program: FusedProgram, byteOffset: Int) in
            let offset = position * strides[axis] * size
            position += input.type.shape[axis]
            return (FusedProgram(.copying(input.type, from: input.strides, to: strides)), offset)
        }
        let count = parts.count
        return ClosureKernel { pointers, scalars in
            for (index, part) in parts.enumerated() {
                withTable([pointers[index], pointers[count] + part.byteOffset]) { part.program.run($0, scalars) }
            }
        }
    }
}

/// Where parts are joined in channel blocks: along the channels, where every part has whole blocks and one lies so already.
enum BlockedConcatenation {
    static func layouts(
        _ concatenation: Concatenate, _ operands: [OperandLayout], _ results: [TensorType]
    ) -> StepLayouts? {
        let blocked = operands.filter { $0.block != nil }
        guard concatenation.axis == 1, !blocked.isEmpty, operands.allSatisfy({ ChannelBlocks.fit($0.type.shape) })
        else { return nil }
        let areLast = blocked.allSatisfy { $0.block == $0.type.shape[1] }
        return StepLayouts(
            operands: operands.map { areLast ? $0.type.shape[1] : ChannelBlocks.size },
            results: [areLast ? results[0].shape[1] : ChannelBlocks.size])
    }
}

/// A short pointer table for a kernel called from another one.
private func withTable(
    _ pointers: [UnsafeMutableRawPointer], _ body: (UnsafeMutablePointer<UnsafeMutableRawPointer>) -> Void
) {
    var table = pointers
    table.withUnsafeMutableBufferPointer { if let base = $0.baseAddress { body(base) } }
}

extension FusedKernel {
    /// A copy between two walks over one shape.
    static func copying(_ type: TensorType, from source: [Int], to target: [Int]) -> FusedKernel {
        FusedKernel(
            sizes: type.shape.sizes, reduced: type.shape.rank..<type.shape.rank,
            inputs: [Input(source: .operand(0), dtype: type.dtype, strides: source)], instructions: [],
            outputs: [Output(register: 0, output: 0, dtype: type.dtype, reduction: nil, strides: target)])
    }
}
