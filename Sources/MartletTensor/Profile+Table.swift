extension Profile: CustomStringConvertible {
    /// The table of the twenty costliest kernels, held against this machine's limit.
    public var description: String { table() }

    /// A table of the costliest rows, at most 100 columns wide, and below it where the rest of the time went.
    ///
    /// A row has its calls, their time and its share of the whole, the bytes that they touched and GB/s of them, both in units of
    /// 1000, GFLOP/s, the share of what the machine could do (the roofline), and which of its two limits, arithmetic or memory,
    /// binds: the nearer one. Below a kernel stand its shapes and its layers.
    ///
    /// - Parameters:
    ///   - grouping: what a row brings together.
    ///   - count: rows shown; the others are summed up in one.
    ///   - limit: what rows are held against; this machine's own is measured once a process, in about half a second.
    public func table(
        by grouping: Grouping = .kernel, top count: Int = 20, limit: MachineLimit = .measured
    ) -> String {
        let rows = rows(by: grouping)
        var table = ProfileTable(
            left: grouping == .kernel ? "kernel" : "layer",
            right: ["calls", "ms", "share", "bytes", "GB/s", "GFLOP/s", "of limit"], last: "bound")
        for row in rows.prefix(count) {
            let note = [row.shapes, row.layers].filter { grouping == .kernel && !$0.isEmpty }.joined(separator: "  ")
            table.add([row.name] + cells(row, limit), note: note)
        }
        let rest = rows.dropFirst(count)
        if !rest.isEmpty {
            let seconds = rest.reduce(0) { $0 + $1.seconds }
            let (calls, bytes) = (rest.reduce(0) { $0 + $1.calls }, rest.reduce(0) { $0 + $1.bytes })
            table.add(
                ["\(rest.count) more", "\(calls)", milliseconds(seconds), share(seconds), Self.traffic(bytes)])
        }
        return (table.lines + [""] + summary(limit)).joined(separator: "\n") + "\n"
    }

    private func cells(_ row: Row, _ limit: MachineLimit) -> [String] {
        [
            "\(row.calls)", milliseconds(row.seconds), share(row.seconds), Self.traffic(row.bytes),
            row.gigabytesPerSecond.text(1), row.gigaflopsPerSecond.text(1), "\((row.share(of: limit) * 100).text(0)) %",
            row.flops + row.bytes == 0 ? "" : row.isComputeBound(on: limit) ? "compute" : "memory",
        ]
    }

    private func summary(_ limit: MachineLimit) -> [String] {
        func line(_ name: String, _ seconds: Double) -> String {
            let gap = String(repeating: " ", count: max(1, 44 - name.count))
            return "\(name)\(gap)\(milliseconds(seconds).padded(to: 10)) ms  \(share(seconds).padded(to: 7))"
        }
        return [
            line("kernels", kernelSeconds), line("dispatch: memory, addresses, hand-over", dispatchSeconds),
            line("planning: \(plannings.count) plans made", planningSeconds),
            line("recording, look-up, the program's own work", recordingSeconds), line("in all", seconds), "",
            "peak memory \((Double(peakByteCount) / 1_048_576).text(1)) MiB in buffers and temporaries",
            "machine's limit \((limit.flopsPerSecond * 1e-9).text(0)) GFLOP/s (float32), "
                + "\((limit.bytesPerSecond * 1e-9).text(1)) GB/s",
            "(above 100 % of it data came from a cache, or the type is narrower than float32)",
        ]
    }

    /// Seconds as milliseconds, to the microsecond.
    package static func milliseconds(_ seconds: Double) -> String { (seconds * 1e3).text(3) }
    private func milliseconds(_ seconds: Double) -> String { Self.milliseconds(seconds) }
    /// Bytes in units of 1000, as GB/s are: `812 B`, `12.3 MB`.
    package static func traffic(_ byteCount: Int) -> String {
        let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]
        var (value, unit) = (Double(byteCount), 0)
        while value >= 999.95, unit + 1 < units.count { (value, unit) = (value / 1000, unit + 1) }
        return "\(value.text(unit == 0 ? 0 : 1)) \(units[unit])"
    }
    private func share(_ part: Double) -> String { "\((seconds > 0 ? part / seconds * 100 : 0).text(1)) %" }
}

/// Aligned text: a name to the left, numbers to the right, a last column to the left again; below a row what else there is to say.
private struct ProfileTable {
    /// Columns that a line may take.
    private static let widest = 100
    private let head: [String]
    private var rows: [(cells: [String], note: String)] = []

    init(left: String, right: [String], last: String) { head = [left] + right + [last] }

    mutating func add(_ cells: [String], note: String = "") { rows.append((cells, note)) }

    var lines: [String] {
        let texts = [head] + rows.map(\.cells)
        var widths = head.indices.map { column in texts.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0 }
        let numbers = widths.dropFirst().reduce(2 * (widths.count - 1), +)
        widths[0] = max(8, min(widths[0], Self.widest - numbers))
        func line(_ cells: [String]) -> String {
            var text = ""
            for (column, cell) in cells.enumerated() {
                let cell = column == 0 ? cell.shortened(to: widths[0]) : cell
                let space = String(repeating: " ", count: widths[column] - cell.count)
                let isLeft = column == 0 || column == head.count - 1
                text += (column > 0 ? "  " : "") + (isLeft ? cell + space : space + cell)
            }
            while text.last == " " { text.removeLast() }
            return text
        }
        let rule = String(repeating: "-", count: widths[0] + numbers)
        return [line(head), rule]
            + rows.flatMap { row in
                [line(row.cells)] + (row.note.isEmpty ? [] : ["    " + row.note.shortened(to: Self.widest - 4)])
            }
    }
}

extension String {
    /// The text with its middle left out where it is longer.
    fileprivate func shortened(to width: Int) -> String {
        guard count > width else { return self }
        let head = (width - 1) * 2 / 3
        return "\(prefix(head))…\(suffix(width - 1 - head))"
    }

    fileprivate func padded(to width: Int) -> String { String(repeating: " ", count: max(0, width - count)) + self }
}

extension Double {
    /// The number with so many digits after the point.
    func text(_ digits: Int) -> String {
        guard isFinite, abs(self) < 1e15 else { return "\(self)" }
        var scale = 1
        for _ in 0..<digits { scale *= 10 }
        let scaled = Int((abs(self) * Double(scale)).rounded())
        let sign = self < 0 && scaled > 0 ? "-" : ""
        if digits == 0 { return "\(sign)\(scaled)" }
        let fraction = String(scaled % scale)
        return "\(sign)\(scaled / scale).\(String(repeating: "0", count: digits - fraction.count))\(fraction)"
    }
}
