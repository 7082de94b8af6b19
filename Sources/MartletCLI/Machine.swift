import Foundation
import MartletCPU

/// What computes here.
enum Machine {
    /// One phrase: `cpu (oneDNN 3.2.0, 2 threads)`.
    static var description: String {
        let engine = OneDNN.shared.map { "oneDNN \($0.version)" } ?? "portable kernels"
        return "cpu (\(engine), \(threads))"
    }

    /// "2 threads".
    static var threads: String {
        let count = CPUBackend.threadCount
        return "\(count) thread\(count == 1 ? "" : "s")"
    }

    /// The processor's own name.
    static var processor: String { field("model name") ?? "unknown" }

    /// The instruction sets that matter here and that the processor has.
    static var vectorExtensions: [String] {
        let flags = Set((field("flags") ?? "").split(separator: " ").map(String.init))
        return known.filter { flags.contains($0.flag) }.map(\.name)
    }

    private static let known: [(flag: String, name: String)] = [
        ("sse4_2", "SSE4.2"), ("avx", "AVX"), ("f16c", "F16C"), ("fma", "FMA"), ("avx2", "AVX2"),
        ("avx512f", "AVX-512F"), ("avx512bw", "AVX-512BW"), ("avx512vl", "AVX-512VL"),
        ("avx512_vnni", "AVX-512 VNNI"), ("avx512_bf16", "AVX-512 BF16"), ("avx512_fp16", "AVX-512 FP16"),
        ("amx_tile", "AMX"), ("amx_bf16", "AMX BF16"),
    ]

    /// A field of the first processor in the system's list.
    private static func field(_ name: String) -> String? {
        guard let text = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8) else { return nil }
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2, parts[0].trimmingCharacters(in: .whitespaces) == name {
                return parts[1].trimmingCharacters(in: .whitespaces)
            }
        }
        return nil
    }
}
