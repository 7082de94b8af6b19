import MartletGraph

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A trace could not be written.
public struct TraceFileError: Error, CustomStringConvertible, Equatable {
    /// The file.
    public let path: String
    /// What the system said.
    public let reason: String
    public var description: String { "\(path): the trace was not written: \(reason)" }
}

extension Profile {
    /// Writes the trace for Perfetto (ui.perfetto.dev) or chrome://tracing.
    ///
    /// Throws ``TraceFileError`` where the file cannot be written.
    public func write(trace path: String) throws(TraceFileError) {
        guard let file = fopen(path, "w") else { throw TraceFileError(path: path, reason: Self.systemError) }
        var text = trace
        let count = text.utf8.count
        let written = text.withUTF8 { fwrite($0.baseAddress, 1, $0.count, file) }
        let failure = written == count ? nil : Self.systemError
        guard fclose(file) == 0, failure == nil else {
            throw TraceFileError(path: path, reason: failure ?? Self.systemError)
        }
    }

    private static var systemError: String { String(cString: strerror(errno)) }

    /// The events in the Trace Event Format ("Trace Event Format", Google, the JSON object form): complete events (`X`) in order
    /// of their beginning, in microseconds, with a name for each thread. Kernels carry shapes, bytes, operations and layers.
    public var trace: String {
        let events = events
        var lines = [#"{"name":"process_name","ph":"M","pid":1,"tid":0,"args":{"name":"Martlet"}}"#]
        for thread in Set(events.map(\.thread)).union([0]).sorted() {
            let name = thread == 0 ? "recording thread" : "thread \(thread)"
            lines.append(#"{"name":"thread_name","ph":"M","pid":1,"tid":\#(thread),"args":{"name":"\#(name)"}}"#)
        }
        lines += events.map(Self.line)
        return #"{"displayTimeUnit":"ms","traceEvents":["# + "\n" + lines.joined(separator: ",\n") + "\n]}\n"
    }

    private static func line(_ event: Event) -> String {
        // Whole nanoseconds, so that what lies inside another event ends inside it.
        let (start, end) = ((event.start * 1e9).rounded(), ((event.start + event.seconds) * 1e9).rounded())
        var text = #"{"name":"# + quoted(event.name) + #","cat":"\#(event.kind.rawValue)","ph":"X","pid":1"#
        text += #","tid":\#(event.thread),"ts":\#((start / 1e3).text(3)),"dur":\#(((end - start) / 1e3).text(3))"#
        if event.kind == .kernel {
            let layers = event.layers.map(quoted).joined(separator: ",")
            text += #","args":{"shapes":"# + quoted(event.shapes)
            text += #","bytes":\#(event.bytes),"flops":\#(event.flops),"layers":[\#(layers)]}"#
        }
        return text + "}"
    }

    /// A JSON string (RFC 8259, section 7).
    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\u{0}"..<" ":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
