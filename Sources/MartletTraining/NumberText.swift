import Foundation

/// Numbers as a person reads them, the same in every locale.
package enum NumberText {
    /// An integer with a comma every three digits: `61,706`.
    package static func grouped(_ value: Int) -> String {
        let digits = String(value.magnitude)
        var text = value < 0 ? "-" : ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
            text.append(digit)
        }
        return text
    }

    /// A number with a fixed count of decimals; `nan`, `inf` and `-inf` as such.
    package static func fixed(_ value: Double, decimals: Int) -> String {
        guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
        return String(format: "%.\(decimals)f", value)
    }

    /// A loss in at most eight characters: `0.0421`, `12.345`, `1.2e-05`.
    package static func loss(_ value: Double) -> String {
        let size = abs(value)
        guard size.isFinite, size != 0 else { return fixed(value, decimals: 4) }
        if size < 0.0005 || size >= 99_999.95 { return String(format: "%.1e", value) }
        return fixed(value, decimals: size < 9.99995 ? 4 : size < 99.9995 ? 3 : size < 999.995 ? 2 : 1)
    }

    /// A fraction as a percentage: `0.98713` is `98.71%`.
    package static func percent(_ fraction: Double, decimals: Int = 2) -> String {
        fixed(fraction * 100, decimals: decimals) + "%"
    }

    /// A rate without decimals from 100 on: `41,203`, `12.4`.
    package static func rate(_ value: Double) -> String {
        guard value.isFinite, abs(value) < 1e15 else { return fixed(value, decimals: 0) }
        return abs(value) < 99.95 ? fixed(value, decimals: 1) : grouped(Int(value.rounded()))
    }

    /// A count of seconds on a clock's face: `0:42`, `12:05`, `1:02:05`, `2d 03h`.
    package static func clock(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds < 1e12 else { return "?" }
        let whole = Int(max(0, seconds).rounded())
        let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60)
        if hours >= 48 { return String(format: "%dd %02dh", hours / 24, hours % 24) }
        return hours > 0
            ? String(format: "%d:%02d:%02d", hours, minutes, rest) : String(format: "%d:%02d", minutes, rest)
    }

    /// A duration in words: `0.84 s`, `12.3 s`, `4 min 05 s`, `2 h 07 min`.
    package static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds < 1e12 else { return "?" }
        if seconds < 9.995 { return fixed(seconds, decimals: 2) + " s" }
        if seconds < 59.95 { return fixed(seconds, decimals: 1) + " s" }
        let whole = Int(seconds.rounded())
        if whole < 3600 { return String(format: "%d min %02d s", whole / 60, whole % 60) }
        return String(format: "%d h %02d min", whole / 3600, whole / 60 % 60)
    }

    /// A size in memory or on disk, in units of 1024: `812 B`, `1.4 MiB`.
    package static func bytes(_ count: Int) -> String {
        let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
        var (value, unit) = (Double(count), 0)
        while abs(value) >= 1023.95, unit + 1 < units.count { (value, unit) = (value / 1024, unit + 1) }
        return unit == 0 ? "\(count) B" : fixed(value, decimals: 1) + " " + units[unit]
    }
}
