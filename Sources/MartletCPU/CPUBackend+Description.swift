import CMartletKernels

extension CPUBackend {
    /// Threads that a parallel kernel runs on.
    package static var threadCount: Int { Int(mk_parallel_threads()) }
}
