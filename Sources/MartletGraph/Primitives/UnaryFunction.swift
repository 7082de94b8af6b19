/// The elementwise functions of one operand. Raw values equal the tile kernels' `mk_unary`.
package enum UnaryFunction: UInt8, Hashable, Sendable, CaseIterable {
    case negate = 0
    case absolute, sign, floor, ceil, round, truncate
    case exp, expm1, log, log1p, sqrt, rsqrt, reciprocal, square
    case sin, cos, tan, asin, acos, atan, sinh, cosh, tanh
    case sigmoid, erf, relu
    case logicalNot, isNaN, isFinite, isInfinite, unitFromBits
}

/// One elementwise function as data: adding one is a row here, a tile kernel and a test row.
package struct UnaryRow: Sendable {
    package let name: String
    /// Integers are cast to float32 first.
    package var needsFloat = true
    package var givesBool = false
    /// What the derivative reads: the operand x, the result y, or neither.
    package let residuals: Residuals
    /// c · dy/dx from x, y and what arrives, c; nil where it is zero everywhere.
    package let flow: (@Sendable (_ x: Value, _ y: Value, _ c: Value) -> Value)?
    /// The value in float64.
    package let reference: @Sendable (Double) -> Double
}

extension UnaryFunction {
    package var row: UnaryRow { Self.rows[Int(rawValue)] }

    /// The type of the result, given the operand's.
    package func resultType(of dtype: DataType) -> DataType {
        if self == .unitFromBits { return .float32 }
        return row.givesBool ? .bool : dtype
    }

    private static let rows: [UnaryRow] = allCases.map(makeRow)

    /// d/dx with y where that is cheaper.
    private static func makeRow(_ function: UnaryFunction) -> UnaryRow {
        switch function {
        case .negate: exact("negate", .none, { x, _ in x.constant(-1) }, { -$0 })
        case .absolute: exact("abs", .operands, { x, _ in x.applying(.sign) }, { Swift.abs($0) })
        case .sign: exact("sign", .none, nil, { $0.isNaN ? $0 : $0 > 0 ? 1 : $0 < 0 ? -1 : 0 })
        case .floor: exact("floor", .none, nil, { $0.rounded(.down) })
        case .ceil: exact("ceil", .none, nil, { $0.rounded(.up) })
        case .round: exact("round", .none, nil, { $0.rounded(.toNearestOrEven) })
        case .truncate: exact("truncate", .none, nil, { $0.rounded(.towardZero) })
        case .exp: smooth("exp", .results, { _, y in y }, { CMath.exp($0) })
        case .expm1: smooth("expm1", .results, { _, y in y + 1 }, { CMath.expm1($0) })
        // c / x and not c · (1 / x), which float16 cannot hold of a small x.
        case .log: UnaryRow(name: "log", residuals: .operands, flow: { x, _, c in c / x }, reference: { CMath.log($0) })
        case .log1p:
            UnaryRow(
                name: "log1p", residuals: .operands, flow: { x, _, c in c / (x + 1) }, reference: { CMath.log1p($0) })
        case .sqrt: smooth("sqrt", .results, { _, y in 0.5 / y }, { $0.squareRoot() })
        case .rsqrt: smooth("rsqrt", .results, { _, y in -0.5 * (y * y * y) }, { 1 / $0.squareRoot() })
        case .reciprocal: smooth("reciprocal", .results, { _, y in -(y * y) }, { 1 / $0 })
        case .square: exact("square", .operands, { x, _ in 2 * x }, { $0 * $0 })
        case .sin: smooth("sin", .operands, { x, _ in x.applying(.cos) }, { CMath.sin($0) })
        case .cos: smooth("cos", .operands, { x, _ in -x.applying(.sin) }, { CMath.cos($0) })
        case .tan: smooth("tan", .results, { _, y in y * y + 1 }, { CMath.tan($0) })
        case .asin: smooth("asin", .operands, { x, _ in (1 - x * x).applying(.rsqrt) }, { CMath.asin($0) })
        case .acos: smooth("acos", .operands, { x, _ in -(1 - x * x).applying(.rsqrt) }, { CMath.acos($0) })
        case .atan: smooth("atan", .operands, { x, _ in (x * x + 1).applying(.reciprocal) }, { CMath.atan($0) })
        case .sinh: smooth("sinh", .operands, { x, _ in x.applying(.cosh) }, { CMath.sinh($0) })
        case .cosh: smooth("cosh", .operands, { x, _ in x.applying(.sinh) }, { CMath.cosh($0) })
        case .tanh: smooth("tanh", .results, { _, y in 1 - y * y }, { CMath.tanh($0) })
        case .sigmoid:
            smooth(
                "sigmoid", .results, { _, y in y * (1 - y) },
                {
                    $0 >= 0 ? 1 / (1 + CMath.exp(-$0)) : CMath.exp($0) / (1 + CMath.exp($0))
                })
        case .erf:
            smooth("erf", .operands, { x, _ in (-(x * x)).applying(.exp) * 1.1283791670955126 }, { CMath.erf($0) })
        case .relu:
            UnaryRow(
                name: "relu", needsFloat: false, residuals: .results, flow: { _, y, c in c.throughRectifier(of: y) },
                reference: { $0 > 0 || $0.isNaN ? $0 : 0 })
        case .logicalNot: test("logicalNot", { $0 == 0 })
        case .isNaN: test("isNaN", { $0.isNaN })
        case .isFinite: test("isFinite", { $0.isFinite })
        case .isInfinite: test("isInfinite", { $0.isInfinite })
        case .unitFromBits: exact("unitFromBits", .none, nil, { $0 })
        }
    }

    private typealias Derivative = @Sendable (Value, Value) -> Value
    private typealias Flow = @Sendable (Value, Value, Value) -> Value

    private static func smooth(
        _ name: String, _ residuals: Residuals, _ derivative: @escaping Derivative,
        _ reference: @escaping @Sendable (Double) -> Double
    ) -> UnaryRow {
        UnaryRow(name: name, residuals: residuals, flow: { x, y, c in c * derivative(x, y) }, reference: reference)
    }

    /// Functions that integers have too.
    private static func exact(
        _ name: String, _ residuals: Residuals, _ derivative: Derivative?,
        _ reference: @escaping @Sendable (Double) -> Double
    ) -> UnaryRow {
        let flow = derivative.map { derivative -> Flow in { x, y, c in c * derivative(x, y) } }
        return UnaryRow(name: name, needsFloat: false, residuals: residuals, flow: flow, reference: reference)
    }

    private static func test(_ name: String, _ reference: @escaping @Sendable (Double) -> Bool) -> UnaryRow {
        UnaryRow(
            name: name, needsFloat: false, givesBool: true, residuals: .none, flow: nil,
            reference: { reference($0) ? 1 : 0 })
    }
}
