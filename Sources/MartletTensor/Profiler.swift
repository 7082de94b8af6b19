import MartletCPU
import MartletGraph
import MartletRuntime

/// Records where time and memory go.
///
///     Profiler.namesLayers = true               // before the model is made, so that kernels carry its layers' paths
///     let model = LeNet5()
///     ...
///     let profile = Profiler.record {
///         for batch in batches { step(batch.inputs, batch.labels) }
///     }
///     print(profile)                            // a table, the costliest kernels first
///     try profile.write(trace: "step.json")     // for ui.perfetto.dev or chrome://tracing
///
/// While nothing records, a run of a plan pays one look at a flag. While something does, each kernel pays two readings of the
/// clock, about 50 ns.
public enum Profiler {
    /// Runs `body` and tells what the process planned and ran meanwhile, on all threads.
    ///
    /// What `body` records but never reads is not run and not seen: read the loss, or end with an optimizer's step. A plan that
    /// was made before somebody recorded does not know its layers, see ``namesLayers``. Several may record at once; each sees
    /// everything.
    public static func record(_ body: () throws -> Void) rethrows -> Profile {
        Runtime.start()
        let memory = CPUBackend.shared.memory
        let recorder = ProfileRecorder()
        memory.resetPeak()
        Profiling.begin(recorder)
        do {
            try body()
        } catch {
            Profiling.end(recorder)
            throw error
        }
        Profiling.end(recorder)
        return Profile(recorder, peakByteCount: memory.statistics.peak)
    }

    /// True where layers say which one is being called, so that the kernels of plans made from now on carry their paths. On
    /// while something records; set it at the start of a program whose plans are made before.
    ///
    /// Paths are those of the last walk over a module (`parameters`, `summary`), as `features.0`; a layer that no walk has met goes
    /// by its type.
    public static var namesLayers: Bool {
        get { Origin.isWatched }
        set { Profiling.watchesOrigins = newValue }
    }
}
