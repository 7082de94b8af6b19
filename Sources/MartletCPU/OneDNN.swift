import MartletGraph
import MartletRuntime

package final class OneDNN: @unchecked Sendable {
    package static let shared: OneDNN? = nil
    var gompParallel: UnsafeMutableRawPointer? { nil }
    func matrixProduct(_ product: MatrixProduct, _ step: StepDescription) -> (any PreparedKernel)? { nil }
    func convolution(_ c: Convolution, _ step: StepDescription, _ backend: CPUBackend) -> (any PreparedKernel)? { nil }
    func convolutionInputGradient(_ c: ConvolutionInputGradient, _ step: StepDescription, _ backend: CPUBackend) -> (any PreparedKernel)? { nil }
    func convolutionWeightGradient(_ c: ConvolutionWeightGradient, _ step: StepDescription, _ backend: CPUBackend) -> (any PreparedKernel)? { nil }
}
