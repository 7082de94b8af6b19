import MartletGraph

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// How plans are made, besides what they are made of: part of every plan's key.
package struct PlanSettings: Hashable, Sendable {
    /// The passes that run.
    package var passes = PlanPasses.all
    /// Bytes that a plan may need at its fullest; nil is no limit.
    package var memoryLimit: Int?

    package init() {}

    /// What the environment says.
    package init(environment: (String) -> String?) throws(PlanSettingError) {
        if let text = environment("MARTLET_PASSES") { passes = try PlanPasses(parsing: text) }
        if let text = environment("MARTLET_MEMORY_LIMIT"), !text.isEmpty {
            guard let byteCount = MemorySize.byteCount(text) else {
                throw PlanSettingError(
                    "MARTLET_MEMORY_LIMIT", "\"\(text)\" is no size; write bytes, or a number with K, M or G behind it")
            }
            memoryLimit = byteCount
        }
    }

    /// The settings of this task: the process's unless `with` set others.
    package static var current: PlanSettings { local ?? process }

    @TaskLocal private static var local: PlanSettings?

    private static let process: PlanSettings = {
        do {
            return try PlanSettings { getenv($0).map { String(cString: $0) } }
        } catch { stop("\(error)") }
    }()

    /// Runs `body` with `change` made to the settings: what is planned in it, and what is looked up among the plans.
    package static func with<Result>(
        _ change: (inout PlanSettings) -> Void, _ body: () throws -> Result
    ) rethrows -> Result {
        var settings = current
        change(&settings)
        return try $local.withValue(settings, operation: body)
    }

    /// Runs `body` with these passes.
    package static func with<Result>(passes: PlanPasses, _ body: () throws -> Result) rethrows -> Result {
        try with({ $0.passes = passes }, body)
    }

    /// The settings in a plan's key, beside the engines: nothing where all is as usual.
    func write(to key: inout KeyWriter, besides engines: UInt64) {
        let passes = UInt64(PlanPasses.all.subtracting(passes).rawValue) << 8
        key.write(engines | passes | (memoryLimit == nil ? 0 : 1 << 40))
        if let memoryLimit { key.write(memoryLimit) }
    }

    /// The process has a limit: its error will name layers.
    static var watchesLayers: Bool { process.memoryLimit != nil }
}
