import MartletGraph

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

extension Tensor: CustomStringConvertible, CustomDebugStringConvertible {
    /// Rows and columns, numbers aligned, dtype and shape last. Runs what is pending.
    ///
    /// Past 1000 elements long axes show three positions at each end. Real numbers have four decimals, or fewer where all
    /// are exact so, or powers of ten where some are large, small or far apart.
    ///
    ///     [[1. 4.]
    ///      [2. 5.]]  float32 [2, 2]
    public var description: String { TensorText(self).text }

    /// The same text as `description`.
    public var debugDescription: String { description }
}

/// The text of a tensor, as NumPy lays it out.
private struct TensorText {
    private let shape: Shape
    private let strides: [Int]
    private let dtype: DataType
    /// The texts of the elements that are shown, by row-major position.
    private var texts: [Int: String] = [:]

    /// Elements past which long axes show their ends only, and how many at each end.
    private static let threshold = 1000, edge = 3
    /// Characters after which a row goes on in the next line.
    private static let lineWidth = 100

    init(_ tensor: Tensor) {
        shape = tensor.shape
        strides = shape.contiguousStrides
        dtype = tensor.dtype
        let shown = shownPositions()
        let numbers = tensor.numbers(at: shown)
        texts = Dictionary(uniqueKeysWithValues: zip(shown, NumberColumn(numbers).texts))
    }

    var text: String {
        let body = shape.elementCount == 0 ? "[]" : block(axis: 0, offset: 0)
        return "\(body)  \(dtype) \(shape)"
    }

    /// What is shown of the axes from `axis` on; `offset` is the row-major position of the first element.
    private func block(axis: Int, offset: Int) -> String {
        guard axis < shape.rank else { return texts[offset] ?? "" }
        let entries = shownIndices(axis).map { index in
            index.map { block(axis: axis + 1, offset: offset + $0 * strides[axis]) } ?? "..."
        }
        let indent = String(repeating: " ", count: axis + 1)
        guard axis < shape.rank - 1 else {
            return "[" + TensorText.lines(entries).joined(separator: "\n" + indent) + "]"
        }
        let breaks = String(repeating: "\n", count: shape.rank - 1 - axis) + indent
        return "[" + entries.joined(separator: breaks) + "]"
    }

    /// Entries side by side, in lines that are not too long.
    private static func lines(_ entries: [String]) -> [String] {
        var lines: [String] = []
        for entry in entries {
            if let last = lines.last, last.count + 1 + entry.count <= lineWidth {
                lines[lines.count - 1] += " " + entry
            } else {
                lines.append(entry)
            }
        }
        return lines
    }

    /// Positions along an axis, nil where some are left out.
    private func shownIndices(_ axis: Int) -> [Int?] {
        let (size, edge) = (shape[axis], TensorText.edge)
        if shape.elementCount <= TensorText.threshold || size <= 2 * edge { return (0..<size).map { $0 } }
        return (0..<edge).map { $0 } + [nil] + ((size - edge)..<size).map { $0 }
    }

    private func shownPositions() -> [Int] {
        if shape.elementCount == 0 { return [] }
        return shape.indices.reduce([0]) { positions, axis in
            let steps = shownIndices(axis).compactMap { $0 }
            return positions.flatMap { position in steps.map { position + $0 * strides[axis] } }
        }
    }
}

/// Numbers as texts of one width and one style.
private struct NumberColumn {
    private enum Style {
        case plain(decimals: Int)
        case scientific
    }

    let texts: [String]

    init(_ numbers: [TensorNumber]) {
        let style = NumberColumn.style(numbers)
        let raw = numbers.map { NumberColumn.text($0, style) }
        let width = raw.map(\.count).max() ?? 0
        texts = raw.map { String(repeating: " ", count: width - $0.count) + $0 }
    }

    private static func style(_ numbers: [TensorNumber]) -> Style {
        let reals = numbers.compactMap { if case .real(let value) = $0, value.isFinite { value } else { nil } }
        let sizes = reals.map(\.magnitude).filter { $0 != 0 }
        if let largest = sizes.max(), let smallest = sizes.min(), largest >= 1e8 || smallest < 1e-4 {
            return .scientific
        }
        // The fewest decimals that say each number as exactly as float32 holds it.
        let scales = [1.0, 10, 100, 1000]
        let decimals = scales.firstIndex { scale in
            reals.allSatisfy { Float(($0 * scale).rounded() / scale) == Float($0) }
        }
        return .plain(decimals: decimals ?? scales.count)
    }

    private static func text(_ number: TensorNumber, _ style: Style) -> String {
        switch number {
        case .boolean(let value): return value ? "true" : "false"
        case .integer(let value): return String(value)
        case .real(let value):
            if value.isNaN { return "nan" }
            if value.isInfinite { return value < 0 ? "-inf" : "inf" }
            switch style {
            case .plain(0): return formatted("%.*f", 0, value) + "."
            case .plain(let decimals): return formatted("%.*f", decimals, value)
            case .scientific: return formatted("%.*e", 4, value)
            }
        }
    }

    private static func formatted(_ format: String, _ decimals: Int, _ value: Double) -> String {
        // No number is longer: plain ones are below 1e8.
        var buffer = [CChar](repeating: 0, count: 32)
        let count = withVaList([Int32(decimals), value]) { vsnprintf(&buffer, buffer.count, format, $0) }
        return String(decoding: buffer.prefix(Int(count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

extension Tensor {
    /// The elements at row-major positions, as the numbers they are.
    fileprivate func numbers(at positions: [Int]) -> [TensorNumber] {
        do {
            return try withUnsafeBytes { bytes in
                guard let base = bytes.baseAddress else { return [] }
                return positions.map { dtype.number(base, $0) }
            }
        } catch { stop("description: \(error)") }
    }
}
