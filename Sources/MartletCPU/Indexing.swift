import CMartletKernels
import MartletGraph
import MartletRuntime

extension CPUBackend {
    func prepare(_ gather: Gather, _ step: StepDescription) -> any PreparedKernel {
        let axis = mk_axis(step.inputs[0].type.shape, gather.axis)
        let count = Int64(step.inputs[1].type.shape[gather.axis])
        let size = Int64(step.outputs[0].type.dtype.byteCount)
        return ClosureKernel { pointers, _ in
            let indices = pointers[1].assumingMemoryBound(to: Int64.self)
            let bad = withUnsafePointer(to: axis) { mk_gather_axis(size, $0, pointers[0], indices, count, pointers[2]) }
            try check(bad, indices, "gather", axis)
        }
    }

    func prepare(_ selection: IndexSelect, _ step: StepDescription) -> any PreparedKernel {
        let axis = mk_axis(step.inputs[0].type.shape, selection.axis)
        let count = Int64(step.inputs[1].type.shape.elementCount)
        let size = Int64(step.outputs[0].type.dtype.byteCount)
        return ClosureKernel { pointers, _ in
            let indices = pointers[1].assumingMemoryBound(to: Int64.self)
            let bad = withUnsafePointer(to: axis) {
                mk_index_select(size, $0, pointers[0], indices, count, pointers[2])
            }
            try check(bad, indices, "indexSelect", axis)
        }
    }

    func prepare(_ scatter: Scatter, _ step: StepDescription) -> any PreparedKernel {
        let type = step.outputs[0].type
        let axis = mk_axis(type.shape, scatter.axis)
        let count = Int64(step.inputs[1].type.shape[scatter.axis])
        let size = Int64(type.dtype.byteCount)
        let dtype = Int32(type.dtype.rawValue)
        let byteCount = type.byteCount
        let adds = scatter.mode == .add
        return ClosureKernel { pointers, _ in
            if pointers[3] != pointers[0] { pointers[3].copyMemory(from: pointers[0], byteCount: byteCount) }
            let indices = pointers[1].assumingMemoryBound(to: Int64.self)
            let bad = withUnsafePointer(to: axis) {
                adds
                    ? mk_scatter_add_axis(dtype, $0, pointers[3], indices, count, pointers[2])
                    : mk_scatter_axis(size, $0, pointers[3], indices, count, pointers[2])
            }
            try check(bad, indices, "scatter", axis)
        }
    }

    func prepare(_ addition: IndexAdd, _ step: StepDescription) -> any PreparedKernel {
        let type = step.outputs[0].type
        let axis = mk_axis(type.shape, addition.axis)
        let count = Int64(step.inputs[1].type.shape.elementCount)
        let dtype = Int32(type.dtype.rawValue)
        let byteCount = type.byteCount
        return ClosureKernel { pointers, _ in
            if pointers[3] != pointers[0] { pointers[3].copyMemory(from: pointers[0], byteCount: byteCount) }
            let indices = pointers[1].assumingMemoryBound(to: Int64.self)
            let bad = withUnsafePointer(to: axis) { mk_index_add(dtype, $0, pointers[3], indices, count, pointers[2]) }
            try check(bad, indices, "indexAdd", axis)
        }
    }
}

/// Throws where a kernel met an index outside its axis.
private func check(_ position: Int64, _ indices: UnsafePointer<Int64>, _ operation: String, _ axis: mk_axis) throws {
    guard position >= 0 else { return }
    throw IndexError(operation: operation, index: Int(indices[Int(position)]), size: Int(axis.axis))
}

extension mk_axis {
    /// A shape seen as [before the axis, the axis, after it].
    init(_ shape: Shape, _ axis: Int) {
        self.init(
            outer: Int64(shape.sizes[..<axis].reduce(1, *)), axis: Int64(shape[axis]),
            inner: Int64(shape.sizes[(axis + 1)...].reduce(1, *)))
    }
}
