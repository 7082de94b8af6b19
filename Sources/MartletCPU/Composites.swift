import MartletGraph
import MartletRuntime

/// The composites that have kernels here; every other one's body runs.
enum CompositeKernels {
    static func has(_ composite: any Composite, _ operands: [OperandLayout], on backend: CPUBackend) -> Bool {
        switch composite {
        case is MaxPoolGradient: true
        case is SoftmaxCrossEntropy, is SoftmaxCrossEntropyGradient: operands[0].type.dtype == .float32
        case let folded as ConvolutionActivation: EngineConvolution.has(folded, operands, backend.engine)
        case let quantized as QuantizedConvolution: EngineConvolution.has(quantized, operands, backend.engine)
        case is Quantize: Quantization.has(operands)
        case is SquaredNorm: operands.allSatisfy { $0.type.dtype == .float32 && $0.block == nil }
        case let folded as MatrixProductActivation: EngineMatrixProduct.has(folded, operands, backend.engine)
        case is SquaredPieces: operands[0].type.dtype == .float32 && operands[0].block == nil
        case is GatheredNorm: true
        case is ProductWithSquaredPieces: BlockedMatrixProduct.serves(operands[0].type, operands[1].type)
        case let joined as GradientUpdate: GradientUpdateKernel.has(joined, operands.map(\.type))
        case is BatchNormTraining, is BatchNormGradient: BlockedBatchNorm.has(composite, operands, backend.engine)
        default: Updates.hasKernel(for: composite, operands: operands.map(\.type))
        }
    }

    static func prepare(
        _ composite: any Composite, _ step: StepDescription, on backend: CPUBackend
    ) throws -> any PreparedKernel {
        switch composite {
        case let gradient as MaxPoolGradient: backend.prepare(gradient, step)
        case let loss as SoftmaxCrossEntropy: backend.prepare(loss, step)
        case let gradient as SoftmaxCrossEntropyGradient: backend.prepare(gradient, step)
        case let norm as BatchNormTraining: BlockedBatchNorm.kernel(norm, step)
        case let gradient as BatchNormGradient: BlockedBatchNorm.kernel(gradient, step)
        case is SquaredNorm: SquaredNormKernel(step)
        case let folded as MatrixProductActivation: try backend.prepare(folded, step)
        case let norm as GatheredNorm: SquaredNormKernel(step, arePieces: norm.arePieces)
        case is SquaredPieces: SquaredPiecesKernel(step.inputs[0].type).prepared
        case is ProductWithSquaredPieces: try made(SquaredProductKernel(step, backend), composite)
        case let joined as GradientUpdate: try made(GradientUpdateKernel(joined, step, backend), composite)
        case let quantize as Quantize: Quantization.kernel(quantize, step)
        case is ConvolutionActivation, is QuantizedConvolution: try backend.prepareFolded(composite, step)
        default: try Updates.prepare(composite, step)
        }
    }

    private static func made(_ kernel: (any PreparedKernel)?, _ composite: any Composite) -> any PreparedKernel {
        guard let kernel else { stop("\(composite.name) was planned for operands that it has no kernel for") }
        return kernel
    }
}
