import CEngines
import MartletGraph
import MartletRuntime

/// A convolution or one of its gradients on the engine: activations in channel blocks, weights in the engine's own layout.
final class EngineConvolution: UnpackingKernel {
    fileprivate let operation: EngineOperation
    fileprivate let backend: CPUBackend
    /// For each pointer of the step, its slot.
    private let slots: [Int]
    /// Where what is added lies, where the engine adds to what the result's memory holds; and its bytes.
    private let sum: (operand: Int, byteCount: Int)?
    /// Brings a gradient of the weights back to the plain layout; nil where it is plain, or none is made.
    private let unpacking: EngineReorder?

    /// The kernel of a step; nil where the engine has none: the portable one runs.
    static func make(_ primitive: Primitive, _ step: StepDescription, _ backend: CPUBackend) -> (any PreparedKernel)? {
        guard let engine = backend.engine,
            let (plan, operation) = EnginePlan.best(
                primitive, step.inputs.map(\.valueType), step.outputs.map(\.valueType), engine),
            step.inputs.map(\.block) == plan.operandBlocks, step.outputs[0].block == plan.resultBlock
        else { return nil }
        let weights = operation.layout(Int(CE_CONVOLUTION_WEIGHTS.rawValue))
        let writesWeights = plan.attributes.direction == Int32(CE_CONVOLUTION_BACKWARD_WEIGHTS.rawValue)
        let kernel = EngineConvolution(
            operation, backend, plan.slots, sum: plan.summedOperand.map { ($0, step.outputs[0].type.byteCount) },
            unpacking: writesWeights ? EngineReorder(weights, toPlain: true) : nil)
        guard !writesWeights, let weights, let packing = EngineReorder(weights, toPlain: false) else { return kernel }
        // For an input with a sign the engine puts sums behind the weights, which the layout does not tell.
        let hash = ce_layout_hash(weights) ^ (step.inputs[0].type.dtype == .int8 ? 1 : 0)
        return PackedConvolution(kernel, packing, ce_layout_is_opaque(weights) ? nil : hash)
    }

    private init(
        _ operation: EngineOperation, _ backend: CPUBackend, _ slots: [Int], sum: (operand: Int, byteCount: Int)?,
        unpacking: EngineReorder?
    ) {
        (self.operation, self.backend, self.slots, self.unpacking) = (operation, backend, slots, unpacking)
        self.sum = sum
    }

    var unpacksResult: Bool { unpacking != nil }

    var workspace: [Int] { (unpacking.map { [$0.byteCount] } ?? []) + [operation.scratchpadByteCount] }

    /// The pointer that is the weights, or their gradient.
    fileprivate var weights: Int { slots.firstIndex(of: Int(CE_CONVOLUTION_WEIGHTS.rawValue)) ?? 0 }

    func run(_ pointers: UnsafeMutablePointer<UnsafeMutableRawPointer>, _ scalars: UnsafePointer<Scalar>) throws {
        guard let unpacking else { return try run(pointers, weights: nil) }
        let packed = try backend.leaseArena(byteCount: unpacking.byteCount)
        try withExtendedLifetime(packed) {
            try run(pointers, weights: packed.address)
            try unpacking.run(from: packed.address, to: pointers[weights], backend)
        }
    }

    /// Runs with the weights at another place than their pointer, where one is given.
    fileprivate func run(
        _ pointers: UnsafeMutablePointer<UnsafeMutableRawPointer>, weights: UnsafeMutableRawPointer?
    ) throws {
        // The planner may have given the result another place than what is added.
        if let sum, pointers[sum.operand] != pointers[slots.count - 1] {
            pointers[slots.count - 1].copyMemory(from: pointers[sum.operand], byteCount: sum.byteCount)
        }
        try withUnsafeTemporaryAllocation(
            of: UnsafeMutableRawPointer?.self, capacity: Int(CE_CONVOLUTION_SLOTS.rawValue)
        ) { table in
            table.initialize(repeating: nil)
            for (index, slot) in slots.enumerated() where index != sum?.operand { table[slot] = pointers[index] }
            if let weights { table[Int(CE_CONVOLUTION_WEIGHTS.rawValue)] = weights }
            if let base = table.baseAddress { try operation.run(base, backend) }
        }
    }

    /// True where the engine convolves integers as the composite says.
    static func has(_ quantized: QuantizedConvolution, _ operands: [OperandLayout], _ engine: OneDNN?) -> Bool {
        let types = operands.map(\.type)
        guard let engine, let result = try? quantized.resultTypes(of: types)[0] else { return false }
        return EnginePlan.best(.composite(CompositeCall(quantized)), types, [result], engine) != nil
    }

    /// True where the engine folds into a convolution on blocks what the composite says.
    static func has(_ folded: ConvolutionActivation, _ operands: [OperandLayout], _ engine: OneDNN?) -> Bool {
        let types = operands.map(\.type)
        let numbers = types.dropFirst(folded.convolutionOperandCount).prefix(folded.scalingOperandCount)
        guard let engine, numbers.allSatisfy({ $0.dtype == .float32 }),
            let result = try? folded.resultTypes(of: types)[0]
        else { return false }
        return EnginePlan.best(.composite(CompositeCall(folded)), types, [result], engine) != nil
    }

    /// The operand whose memory the result may take: a residual that the engine adds in place.
    static func donation(_ composite: any Composite) -> Int? {
        guard let folded = composite as? ConvolutionActivation, folded.residual == .inPlace else { return nil }
        return folded.convolutionOperandCount + folded.scalingOperandCount
    }

    /// The layouts that the engine's kernel wants, where it has one.
    static func layouts(
        _ primitive: Primitive, _ operands: [OperandLayout], _ results: [TensorType], _ engine: OneDNN?
    ) -> StepLayouts? {
        guard let engine, let (plan, _) = EnginePlan.best(primitive, operands.map(\.type), results, engine) else {
            return nil
        }
        return StepLayouts(operands: plan.operandBlocks, results: [plan.resultBlock])
    }
}

/// A convolution that reads weights in a layout of the engine's own.
private final class PackedConvolution: PackingKernel {
    private let kernel: EngineConvolution
    private let reorder: EngineReorder
    let packing: UInt64?
    let packedOperand: Int

    init(_ kernel: EngineConvolution, _ reorder: EngineReorder, _ packing: UInt64?) {
        (self.kernel, self.reorder, self.packing) = (kernel, reorder, packing)
        packedOperand = kernel.weights
    }

    var packedByteCount: Int { reorder.byteCount }
    var workspace: [Int] { kernel.workspace }

    func pack(_ operand: UnsafeMutableRawPointer) throws -> Buffer {
        let packed = try kernel.backend.allocate(byteCount: reorder.byteCount)
        try reorder.run(from: operand, to: packed.address, kernel.backend)
        return packed
    }

    func run(_ pointers: UnsafeMutablePointer<UnsafeMutableRawPointer>, _ scalars: UnsafePointer<Scalar>) throws {
        let packed = try kernel.backend.leaseArena(byteCount: reorder.byteCount)
        try withExtendedLifetime(packed) {
            try reorder.run(from: pointers[packedOperand], to: packed.address, kernel.backend)
            try kernel.run(pointers, weights: packed.address)
        }
    }

    func run(
        _ pointers: UnsafeMutablePointer<UnsafeMutableRawPointer>, _ scalars: UnsafePointer<Scalar>,
        packed: UnsafeMutableRawPointer
    ) throws { try kernel.run(pointers, weights: packed) }
}

/// How a member of the convolution family is put to the engine.
private struct EnginePlan {
    let primitive: Primitive
    let operands: [TensorType]
    var attributes: ce_convolution
    /// Slots of the operands, then of the result.
    let slots: [Int]
    /// The operand that is added in place, where one is.
    private(set) var summedOperand: Int?
    /// The channel blocks of each operand and of the result; nil for plain ones.
    let operandBlocks: [Int?]
    let resultBlock: Int?

    /// The plan that the engine is quickest with, and its kernel; nil where it has none.
    static func best(
        _ primitive: Primitive, _ operands: [TensorType], _ results: [TensorType], _ engine: OneDNN
    ) -> (EnginePlan, EngineOperation)? {
        let isInteger = !operands[0].dtype.isFloatingPoint
        for isLast in isInteger ? [true] : engine.putsChannelsLast(operands[0].dtype) ? [true, false] : [false] {
            if let plan = EnginePlan(primitive, operands, results, isLast: isLast),
                let operation = plan.operation(engine)
            {
                return (plan, operation)
            }
        }
        return nil
    }

    /// Nil for shapes and types that the engine is not quick on.
    ///
    /// - Parameter isLast: activations lie with all channels side by side, else in blocks of 16.
    private init?(_ primitive: Primitive, _ operands: [TensorType], _ results: [TensorType], isLast: Bool) {
        self.primitive = primitive
        self.operands = operands
        let convolution: Convolution
        var folded: ConvolutionActivation?
        var quantized: QuantizedConvolution?
        let (input, weight, output): (TensorType, TensorType, TensorType)
        let direction: ce_convolution_direction
        let (source, weights, destination) = (
            Int(CE_CONVOLUTION_SOURCE.rawValue), Int(CE_CONVOLUTION_WEIGHTS.rawValue),
            Int(CE_CONVOLUTION_DESTINATION.rawValue)
        )
        switch primitive {
        case .convolution(let family):
            (convolution, direction) = (family, CE_CONVOLUTION_FORWARD)
            (input, weight, output) = (operands[0], operands[1], results[0])
            slots = [source, weights] + (family.hasBias ? [Int(CE_CONVOLUTION_BIAS.rawValue)] : []) + [destination]
        case .convolutionInputGradient(let family):
            (convolution, direction) = (family.convolution, CE_CONVOLUTION_BACKWARD_DATA)
            (input, weight, output) = (results[0], operands[1], operands[0])
            slots = [destination, weights, source]
        case .convolutionWeightGradient(let family):
            (convolution, direction) = (family.convolution, CE_CONVOLUTION_BACKWARD_WEIGHTS)
            (input, weight, output) = (operands[0], results[0], operands[1])
            slots = [source, destination, weights]
        case .composite(let call) where call.composite is QuantizedConvolution:
            guard let composite = call.composite as? QuantizedConvolution else { return nil }
            (convolution, direction) = (composite.convolution, CE_CONVOLUTION_FORWARD)
            (input, weight, output) = (operands[0], operands[1], results[0])
            quantized = composite
            slots =
                [source, weights, Int(CE_CONVOLUTION_FACTOR.rawValue), Int(CE_CONVOLUTION_SHIFT.rawValue)]
                + (composite.addsResidual ? [Int(CE_CONVOLUTION_ADDEND.rawValue)] : []) + [destination]
        case .composite(let call):
            guard let composite = call.composite as? ConvolutionActivation else { return nil }
            (convolution, direction) = (composite.convolution, CE_CONVOLUTION_FORWARD)
            (input, weight, output) = (operands[0], operands[1], results[0])
            folded = composite
            slots =
                [source, weights]
                + (convolution.hasBias || composite.scaling == .shift ? [Int(CE_CONVOLUTION_BIAS.rawValue)] : [])
                + (composite.scaling == .factorAndShift
                    ? [Int(CE_CONVOLUTION_FACTOR.rawValue), Int(CE_CONVOLUTION_SHIFT.rawValue)] : [])
                + (composite.addsResidual ? [Int(CE_CONVOLUTION_ADDEND.rawValue)] : []) + [destination]
        case .leaf, .placeholder, .constant, .iota, .randomBits, .unary, .binary, .select, .cast, .alias, .reshape,
            .permute, .expand, .slice, .flip, .updateSlice, .concatenate, .gather, .scatter, .indexSelect, .indexAdd,
            .sort, .reduce, .argReduce, .cumulativeSum, .matmul, .maxPool, .averagePool, .averagePoolGradient,
            .linearAlgebra, .copy, .collective:
            return nil
        }
        let groups = convolution.groups
        let (channels, outChannels) = (input.shape[1], weight.shape[0])
        let block = ChannelBlocks.size
        // A stem (few channels) is read plain; everything else lies in whole blocks, group by group.
        let isStem = groups == 1 && channels <= 4
        let isDepthwise = groups == channels && groups == outChannels && channels % block == 0
        let isWhole = channels / groups % block == 0 && outChannels / groups % block == 0
        // Of integers all channels lie side by side, as many as there are.
        guard isDepthwise || isWhole || (isStem && outChannels % block == 0) || (quantized != nil && groups == 1),
            !(isStem && direction == CE_CONVOLUTION_BACKWARD_DATA), input.shape[0] > 0
        else { return nil }
        let outBlock = isLast ? outChannels : block
        var blocks = [destination: outBlock, Int(CE_CONVOLUTION_ADDEND.rawValue): outBlock]
        if isLast { blocks[source] = channels } else if !isStem { blocks[source] = block }
        operandBlocks = slots.dropLast().map { blocks[$0] }
        resultBlock = blocks[slots[slots.count - 1]]
        attributes = ce_convolution(convolution, input, weight, output, direction)
        let blockedFormat = isLast ? CE_FORMAT_CHANNELS_LAST : CE_FORMAT_BLOCKED16
        let sourceFormat = isStem && !isLast ? CE_FORMAT_PLAIN : blockedFormat
        attributes.source_format = ce_format(kind: sourceFormat, layout: nil)
        attributes.destination_format = ce_format(kind: blockedFormat, layout: nil)
        attributes.has_factor_and_shift = quantized != nil || folded?.scaling == .factorAndShift
        if folded?.scaling == .shift {
            attributes.has_bias = true
            attributes.bias_dtype = Int32(DataType.float32.rawValue)
        }
        if folded?.residual == .inPlace {
            attributes.sum_scale = 1
            summedOperand = slots.count - 2
        } else {
            attributes.has_addend = quantized?.addsResidual ?? folded?.addsResidual ?? false
        }
        attributes.relu = quantized?.rectifies ?? folded?.rectifies ?? false
        if let quantized {
            attributes.weights_dtype = Int32(DataType.int8.rawValue)
            attributes.destination_dtype = Int32(output.dtype.rawValue)
            attributes.output_factor = quantized.result?.factor ?? 0
            attributes.inference = true
        }
    }

    private func operation(_ engine: OneDNN) -> EngineOperation? {
        guard engine.serves(operands[0].dtype) else { return nil }
        var attributes = attributes
        let description = OneDNN.Description(primitive: primitive, operands: operands, layouts: operandBlocks)
        return engine.operation(description) { ce_convolution_make(&attributes, $0) }
    }
}

extension ce_convolution {
    fileprivate init(
        _ convolution: Convolution, _ input: TensorType, _ weight: TensorType, _ output: TensorType,
        _ direction: ce_convolution_direction
    ) {
        self.init()
        let dtype = Int32(input.dtype.rawValue)
        self.direction = Int32(direction.rawValue)
        rank = Int32(input.shape.rank - 2)
        batch = Int64(input.shape[0])
        groups = Int64(convolution.groups)
        in_channels = Int64(input.shape[1])
        out_channels = Int64(weight.shape[0])
        self.input = triple(input.shape.sizes.dropFirst(2))
        kernel = triple(weight.shape.sizes.dropFirst(2))
        self.output = triple(output.shape.sizes.dropFirst(2))
        stride = triple(convolution.strides)
        padding_low = triple(convolution.paddingLow)
        padding_high = triple(convolution.paddingHigh)
        dilation = triple(convolution.dilations)
        (source_dtype, weights_dtype, destination_dtype, bias_dtype) = (dtype, dtype, dtype, dtype)
        weights_format = ce_format(kind: CE_FORMAT_ANY, layout: nil)
        has_bias = direction == CE_CONVOLUTION_FORWARD && convolution.hasBias
    }
}
