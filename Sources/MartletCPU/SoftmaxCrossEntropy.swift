import CMartletKernels
import MartletGraph
import MartletRuntime

/// Kernels of the cross entropy and its derivative: float32 logits, one pass over the rows each.
extension CPUBackend {
    func prepare(_ loss: SoftmaxCrossEntropy, _ step: StepDescription) -> any PreparedKernel {
        let shape = loss.kernelShape(step.inputs[0].type.shape)
        let averages = loss.averages
        return ClosureKernel { pointers, _ in
            withUnsafePointer(to: shape) {
                mk_cross_entropy_forward(
                    $0, averages, pointers[0].assumingMemoryBound(to: Float.self),
                    pointers[1].assumingMemoryBound(to: Int64.self), pointers[2].assumingMemoryBound(to: Float.self))
            }
        }
    }

    func prepare(_ gradient: SoftmaxCrossEntropyGradient, _ step: StepDescription) -> any PreparedKernel {
        let shape = gradient.loss.kernelShape(step.inputs[0].type.shape)
        let averages = gradient.averages
        let cotangent = step.inputs[2]
        return ClosureKernel { pointers, _ in
            // The seed of a backward pass is a number of the run rather than an element.
            var seed = averages ? Float(cotangent.number(at: pointers[2])) : 0
            let isElement = !averages
            withUnsafePointer(to: shape) { shape in
                withUnsafeMutablePointer(to: &seed) { seed in
                    mk_cross_entropy_backward(
                        shape, averages, pointers[0].assumingMemoryBound(to: Float.self),
                        pointers[1].assumingMemoryBound(to: Int64.self),
                        isElement ? pointers[2].assumingMemoryBound(to: Float.self) : seed,
                        pointers[3].assumingMemoryBound(to: Float.self))
                }
            }
        }
    }
}

extension SoftmaxCrossEntropy {
    fileprivate func kernelShape(_ logits: Shape) -> mk_cross_entropy {
        let share = labelSmoothing / Double(logits[1])
        return mk_cross_entropy(
            rows: Int64(logits[0]), classes: Int64(logits[1]), low: Float(share),
            high: Float(1 - labelSmoothing + share))
    }
}
