import Foundation
import MartletFiles

/// A training run's folder: its configuration, metrics, checkpoints, model and report.
///
///     runs/lenet5-20260314-150926/
///         config.json  metrics.jsonl  checkpoints/  model.safetensors  report.html
public struct RunFolder: Equatable, Sendable {
    /// The folder, as it was named.
    public let path: String

    /// What the run was asked to do.
    public var configurationPath: String { path + "/config.json" }
    /// What was asked for, every default written out: `recipe.yaml`, where a recipe made the run.
    public var recipePath: String { path + "/recipe.yaml" }
    /// What the layers' activations and gradients looked like, a line a layer and step: `layers.jsonl`.
    public var layersPath: String { path + "/layers.jsonl" }
    /// A ``MetricsRecord`` a line.
    public var metricsPath: String { path + "/metrics.jsonl" }
    /// The folder of everything that a resumption needs.
    public var checkpointsPath: String { path + "/checkpoints" }
    /// The trained parameters.
    public var modelPath: String { path + "/model.safetensors" }
    /// The parameters of the best epoch, where a run keeps them.
    public var bestModelPath: String { path + "/best.safetensors" }
    /// The page that ``Report`` renders.
    public var reportPath: String { path + "/report.html" }

    /// The folder of a fold's run, from 1 on, where the run is one of cross-validation.
    public func foldPath(_ number: Int) -> String { path + "/fold-\(number)" }

    /// Makes `parent/<name>-<date>-<time>`, local time; a number follows where that is taken.
    ///
    /// - Throws: `FileError` where the folder cannot be made.
    public static func create(named name: String, in parent: String = "runs", at date: Date = Date()) throws
        -> RunFolder
    {
        try makeFolder(parent)
        let stem = "\(parent)/\(name.asFileName)-\(stamp(date))"
        for attempt in 1... {
            let path = attempt == 1 ? stem : "\(stem)-\(attempt)"
            // The system decides who is first where two runs start in the same second.
            if mkdir(path, 0o777) == 0 { return try RunFolder(preparing: path) }
            guard errno == EEXIST else { throw FileError.system(errno, file: path, step: "create") }
        }
        throw FileError.system(EEXIST, file: stem, step: "create")
    }

    /// Makes the folder that the user named, with those above it.
    ///
    /// - Throws: `FileError` of kind `mismatch` where it already holds a run, which must not be mixed with another.
    public static func create(at path: String) throws -> RunFolder {
        try makeFolder(path)
        let folder = try RunFolder(preparing: path)
        guard !FileManager.default.fileExists(atPath: folder.configurationPath) else {
            throw FileError(
                .mismatch, file: path, field: "run folder",
                expected: "an empty folder, or resume the run that is there",
                found: "the config.json of an earlier run")
        }
        return folder
    }

    /// Opens the folder of an earlier run.
    ///
    /// - Throws: `FileError` of kind `missing` where there is none.
    public static func open(_ path: String) throws -> RunFolder {
        let folder = RunFolder(path: path)
        guard FileManager.default.fileExists(atPath: folder.configurationPath) else {
            throw FileError(
                .missing, file: path, field: "run folder", expected: "a folder with a config.json", found: "none")
        }
        try makeFolder(folder.checkpointsPath)
        return folder
    }

    private init(path: String) {
        // A slash at the end would double in every path below.
        self.path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    }

    private init(preparing path: String) throws {
        self.init(path: path)
        try Self.makeFolder(checkpointsPath)
    }

    /// Replaces `config.json` at once, with sorted keys.
    public func writeConfiguration(_ configuration: some Encodable) throws {
        try AtomicFile.write(try JSONLines.document(configuration), to: configurationPath)
    }

    /// Reads `config.json`.
    ///
    /// - Throws: `FileError` of kind `malformed` that names the field where the contents do not fit.
    public func readConfiguration<Configuration: Decodable>(as type: Configuration.Type) throws -> Configuration {
        guard let data = FileManager.default.contents(atPath: configurationPath) else {
            throw FileError.system(ENOENT, file: configurationPath, step: "read")
        }
        do {
            return try JSONDecoder().decode(type, from: data)
        } catch let error as DecodingError {
            throw FileError.malformed(
                configurationPath, error.field, expected: "the configuration of a run", found: error.finding)
        }
    }

    /// Opens `metrics.jsonl`; ``MetricsLog/init(at:resumingAfter:)`` says what happens on resumption.
    public func openMetrics(resumingAfter step: Int? = nil) throws -> MetricsLog {
        try MetricsLog(at: metricsPath, resumingAfter: step)
    }

    /// Replaces `report.html` at once.
    public func write(_ report: Report) throws { try AtomicFile.write([UInt8](report.html().utf8), to: reportPath) }

    /// The file of the checkpoint after a step: `checkpoints/step-00001407.safetensors`.
    public func checkpointPath(step: Int) -> String {
        String(format: "%@/step-%08ld.safetensors", checkpointsPath, step)
    }

    /// The checkpoints that are there, oldest step first.
    public func checkpoints() -> [(step: Int, path: String)] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: checkpointsPath)) ?? []
        let steps = names.compactMap { $0.wholeMatch(of: /step-([0-9]+)\.safetensors/).flatMap { Int($0.output.1) } }
        return steps.sorted().map { ($0, checkpointPath(step: $0)) }
    }

    private static func makeFolder(_ path: String) throws {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch let error as CocoaError {
            let denied = error.code == .fileWriteNoPermission || error.code == .fileWriteVolumeReadOnly
            throw FileError(
                denied ? .permission : error.code == .fileWriteOutOfSpace ? .diskFull : .inputOutput, file: path,
                field: "create folder", expected: "to succeed",
                found: error.code == .fileWriteFileExists ? "a file of that name" : error.localizedDescription)
        }
    }

    private static func stamp(_ date: Date) -> String {
        var (time, parts) = (time_t(date.timeIntervalSince1970), tm())
        localtime_r(&time, &parts)
        return String(
            format: "%04d%02d%02d-%02d%02d%02d", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
            parts.tm_min, parts.tm_sec)
    }
}

extension String {
    /// The text without what a path or a shell would take amiss.
    fileprivate var asFileName: String {
        let name = String(map { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) ? $0 : "-" })
        return name.isEmpty || name.hasPrefix(".") ? "run" + name : name
    }
}

extension DecodingError {
    private var context: Context? {
        switch self {
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .keyNotFound(_, let context),
            .dataCorrupted(let context):
            context
        @unknown default: nil
        }
    }

    /// The path of the field, such as `optimizer.rate`.
    fileprivate var field: String {
        var keys = context?.codingPath.map(\.stringValue) ?? []
        if case .keyNotFound(let key, _) = self { keys.append(key.stringValue) }
        return keys.isEmpty ? "JSON" : keys.joined(separator: ".")
    }

    fileprivate var finding: String {
        if case .keyNotFound = self { return "no such key" }
        return context?.debugDescription ?? "\(self)"
    }
}
