import MartletGraph

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

extension Tensor: CustomStringConvertible, CustomDebugStringConvertible {
    /// Rows and columns, numbers aligned, long axes shortened, dtype and shape last. Runs what is pending.
    public var description: String { TensorText(self).text }

    public var debugDescription: String { description }
}

/// The text of a tensor, as NumPy lays it out.
private struct TensorText {
    private let numbers: TensorNumberText
    private let shape: Shape
    private let strides: [Int]
    private let dtype: DataType

    /// Elements past which long axes show their ends only, and how many at each end.
    private static let threshold = 1000, edge = 3

    init(_ tensor: Tensor) {
        shape = tensor.shape
        strides = shape.contiguousStrides
        dtype = tensor.dtype
        let values = tensor.numbers()
        let shown =
            shape.elementCount > TensorText.threshold
            ? TensorText.shownPositions(shape, strides) : Array(values.indices)
        numbers = TensorNumberText(values, shown: shown)
    }

    var text: String {
        let body = shape.elementCount == 0 ? "[]" : row(axis: 0, offset: 0, indent: 1)
        return "\(body)  \(dtype) \(shape)"
    }

    private func row(axis: Int, offset: Int, indent: Int) -> String {
        guard axis < shape.rank else { return numbers.text(offset) }
        let entries = TensorText.shownIndices(shape[axis], whole: shape.elementCount <= TensorText.threshold).map {
            index in
            index.map { row(axis: axis + 1, offset: offset + $0 * strides[axis], indent: indent + 1) } ?? "..."
        }
        guard axis < shape.rank - 1 else { return "[" + entries.joined(separator: " ") + "]" }
        let breaks = String(repeating: "\n", count: shape.rank - 1 - axis) + String(repeating: " ", count: indent)
        return "[" + entries.joined(separator: breaks) + "]"
    }

    /// Positions along an axis, nil where some are left out.
    private static func shownIndices(_ size: Int, whole: Bool) -> [Int?] {
        if whole || size <= 2 * edge + 1 { return (0..<size).map { $0 } }
        return (0..<edge).map { $0 } + [nil] + ((size - edge)..<size).map { $0 }
    }

    private static func shownPositions(_ shape: Shape, _ strides: [Int]) -> [Int] {
        shape.indices.reduce([0]) { positions, axis in
            positions.flatMap { position in
                shownIndices(shape[axis], whole: false).compactMap { $0.map { position + $0 * strides[axis] } }
            }
        }
    }
}

/// Numbers as text of one width: four decimals, whole numbers with a bare point, powers of ten where sizes differ widely.
private struct TensorNumberText {
    private let values: [TensorNumber]
    private var width = 0
    private var style = Style.plain(decimals: 0)

    private enum Style {
        case plain(decimals: Int)
        case scientific
    }

    init(_ values: [TensorNumber], shown: [Int]) {
        self.values = values
        style = TensorNumberText.style(shown.map { values[$0] })
        width = shown.map { raw($0).count }.max() ?? 0
    }

    func text(_ position: Int) -> String {
        let text = raw(position)
        return String(repeating: " ", count: max(0, width - text.count)) + text
    }

    private static func style(_ numbers: [TensorNumber]) -> Style {
        let reals = numbers.compactMap { if case .real(let value) = $0, value.isFinite { value } else { nil } }
        let sizes = reals.map(abs).filter { $0 != 0 }
        if let largest = sizes.max(), let smallest = sizes.min(),
            largest >= 1e8 || smallest < 1e-4 || largest / smallest > 1e8
        {
            return .scientific
        }
        for decimals in 0..<4 {
            let scale = [1.0, 10, 100, 1000, 10000][decimals]
            if reals.allSatisfy({
                ($0 * scale).rounded() / scale == $0 || Float(($0 * scale).rounded() / scale) == Float($0)
            }) {
                return .plain(decimals: decimals)
            }
        }
        return .plain(decimals: 4)
    }

    private func raw(_ position: Int) -> String {
        switch values[position] {
        case .boolean(let value): return value ? "true" : "false"
        case .integer(let value): return String(value)
        case .real(let value):
            if value.isNaN { return "nan" }
            if value.isInfinite { return value < 0 ? "-inf" : "inf" }
            switch style {
            case .plain(let decimals):
                let text = formatted("%.*f", decimals, value)
                return decimals == 0 ? text + "." : text
            case .scientific: return formatted("%.*e", 4, value)
            }
        }
    }

    private func formatted(_ format: String, _ decimals: Int, _ value: Double) -> String {
        var buffer = [CChar](repeating: 0, count: 400)
        _ = withVaList([Int32(decimals), value]) { vsnprintf(&buffer, buffer.count, format, $0) }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

extension Tensor {
    /// The elements in row-major order, as the numbers they are.
    func numbers() -> [TensorNumber] {
        do {
            return try withUnsafeBytes { bytes in
                guard let base = bytes.baseAddress else { return [] }
                return (0..<elementCount).map { dtype.number(base, $0) }
            }
        } catch { stop("description: \(error)") }
    }
}
