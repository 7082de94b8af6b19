import CMartletKernels
import MartletGraph
import MartletRuntime

extension CPUBackend {
    func prepare(_ sort: Sort, _ step: StepDescription) -> any PreparedKernel {
        let axis = mk_axis(step.inputs[0].type.shape, sort.axis)
        let dtype = Int32(step.inputs[0].type.dtype.rawValue)
        let descending = sort.descending
        return ClosureKernel { pointers, _ in
            withUnsafePointer(to: axis) {
                mk_sort(
                    dtype, descending, $0, pointers[0], pointers[1], pointers[2].assumingMemoryBound(to: Int64.self))
            }
        }
    }

    func prepare(_ reduction: ArgReduce, _ step: StepDescription) -> any PreparedKernel {
        let axis = mk_axis(step.inputs[0].type.shape, reduction.axis)
        let dtype = Int32(step.inputs[0].type.dtype.rawValue)
        let isMax = reduction.kind == .max
        return ClosureKernel { pointers, _ in
            withUnsafePointer(to: axis) {
                mk_arg_reduce(dtype, isMax, $0, pointers[0], pointers[1].assumingMemoryBound(to: Int64.self))
            }
        }
    }

    func prepare(_ sum: CumulativeSum, _ step: StepDescription) -> any PreparedKernel {
        let axis = mk_axis(step.inputs[0].type.shape, sum.axis)
        let dtype = Int32(step.outputs[0].type.dtype.rawValue)
        let (reverse, exclusive) = (sum.reverse, sum.exclusive)
        return ClosureKernel { pointers, _ in
            withUnsafePointer(to: axis) { mk_cumulative_sum(dtype, $0, pointers[0], pointers[1], reverse, exclusive) }
        }
    }
}
