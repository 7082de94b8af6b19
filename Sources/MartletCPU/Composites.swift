import MartletGraph
import MartletRuntime

/// The composites that have kernels here; every other one's body runs.
enum CompositeKernels {
    static func has(_ composite: any Composite, _ operands: [TensorType]) -> Bool {
        switch composite {
        case is MaxPoolGradient: true
        case is SoftmaxCrossEntropy, is SoftmaxCrossEntropyGradient: operands[0].dtype == .float32
        default: Updates.hasKernel(for: composite, operands: operands)
        }
    }

    static func prepare(
        _ composite: any Composite, _ step: StepDescription, on backend: CPUBackend
    ) throws -> any PreparedKernel {
        switch composite {
        case let gradient as MaxPoolGradient: backend.prepare(gradient, step)
        case let loss as SoftmaxCrossEntropy: backend.prepare(loss, step)
        case let gradient as SoftmaxCrossEntropyGradient: backend.prepare(gradient, step)
        default: try Updates.prepare(composite, step)
        }
    }
}
