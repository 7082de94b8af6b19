/// The elementwise functions of two operands. Raw values equal the tile kernels' `mk_binary`.
package enum BinaryFunction: UInt8, Hashable, Sendable, CaseIterable {
    case add = 0
    case subtract, multiply, divide, floorDivide, remainder, power, maximum, minimum, atan2
    case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual
    case logicalAnd, logicalOr, logicalXor
}

/// One elementwise function of two operands as data.
package struct BinaryRow: Sendable {
    package let name: String
    /// Integers are cast to float32 first.
    package var needsFloat = false
    package var givesBool = false
    package var residuals: Residuals = .none
    /// The derivatives by the left and the right operand, given (a, b, y); nil where zero everywhere.
    package var derivatives: (left: Partial?, right: Partial?) = (nil, nil)
    /// The value in float64.
    package let reference: @Sendable (Double, Double) -> Double

    package typealias Partial = @Sendable (_ a: Value, _ b: Value, _ y: Value) -> Value
}

extension BinaryFunction {
    package var row: BinaryRow { Self.rows[Int(rawValue)] }

    private static let rows: [BinaryRow] = allCases.map(makeRow)

    private static func makeRow(_ function: BinaryFunction) -> BinaryRow {
        switch function {
        case .add:
            BinaryRow(
                name: "add", derivatives: ({ a, _, _ in a.constant(1) }, { a, _, _ in a.constant(1) }),
                reference: { $0 + $1 })
        case .subtract:
            BinaryRow(
                name: "subtract", derivatives: ({ a, _, _ in a.constant(1) }, { a, _, _ in a.constant(-1) }),
                reference: { $0 - $1 })
        case .multiply:
            BinaryRow(
                name: "multiply", residuals: .operands, derivatives: ({ _, b, _ in b }, { a, _, _ in a }),
                reference: { $0 * $1 })
        case .divide:
            BinaryRow(
                name: "divide", needsFloat: true, residuals: [.operands, .results],
                derivatives: ({ _, b, _ in b.applying(.reciprocal) }, { _, b, y in -(y / b) }), reference: { $0 / $1 })
        case .floorDivide:
            BinaryRow(name: "floorDivide", reference: { floorQuotient($0, $1) })
        case .remainder:
            BinaryRow(
                name: "remainder", residuals: .operands,
                derivatives: ({ a, _, _ in a.constant(1) }, { a, b, _ in -(a / b).applying(.floor) }),
                reference: { remainder($0, $1) })
        case .power:
            BinaryRow(
                name: "pow", residuals: [.operands, .results],
                derivatives: (powerByBase, powerByExponent), reference: { CMath.pow($0, $1) })
        case .maximum:
            BinaryRow(
                name: "maximum", residuals: .operands,
                derivatives: ({ a, b, _ in share(a .> b, a .== b) }, { a, b, _ in share(b .> a, a .== b) }),
                reference: { $0.isNaN || $1.isNaN ? .nan : Swift.max($0, $1) })
        case .minimum:
            BinaryRow(
                name: "minimum", residuals: .operands,
                derivatives: ({ a, b, _ in share(a .< b, a .== b) }, { a, b, _ in share(b .< a, a .== b) }),
                reference: { $0.isNaN || $1.isNaN ? .nan : Swift.min($0, $1) })
        case .atan2:
            BinaryRow(
                name: "atan2", needsFloat: true, residuals: .operands,
                derivatives: ({ a, b, _ in b / (a * a + b * b) }, { a, b, _ in -(a / (a * a + b * b)) }),
                reference: { CMath.atan2($0, $1) })
        case .equal: comparison("equal") { $0 == $1 }
        case .notEqual: comparison("notEqual") { $0 != $1 }
        case .less: comparison("less") { $0 < $1 }
        case .lessOrEqual: comparison("lessOrEqual") { $0 <= $1 }
        case .greater: comparison("greater") { $0 > $1 }
        case .greaterOrEqual: comparison("greaterOrEqual") { $0 >= $1 }
        case .logicalAnd: comparison("logicalAnd") { $0 != 0 && $1 != 0 }
        case .logicalOr: comparison("logicalOr") { $0 != 0 || $1 != 0 }
        case .logicalXor: comparison("logicalXor") { ($0 != 0) != ($1 != 0) }
        }
    }

    private static func comparison(_ name: String, _ test: @escaping @Sendable (Double, Double) -> Bool) -> BinaryRow {
        BinaryRow(name: name, givesBool: true, reference: { test($0, $1) ? 1 : 0 })
    }

    /// b·a^(b-1), and 0 where b is 0 (so that 0^0 has derivative 0, as PyTorch).
    private static let powerByBase: BinaryRow.Partial = { a, b, _ in
        Value.choose(b .== b.constant(0), b.constant(0), b * a.pow(b - 1))
    }

    /// y·ln a, and 0 where a is 0 and b is not negative.
    private static let powerByExponent: BinaryRow.Partial = { a, b, y in
        let atZero = Value.binary(.logicalAnd, a .== a.constant(0), b .>= b.constant(0))
        return Value.choose(atZero, a.constant(0), y * a.applying(.log))
    }

    /// 1 where the operand wins, one half where both are equal.
    private static func share(_ wins: Value, _ ties: Value) -> Value {
        let dtype = DataType.float32
        return wins.cast(to: dtype) + ties.cast(to: dtype) * 0.5
    }

    /// Python's %: the sign of the divisor.
    private static func remainder(_ a: Double, _ b: Double) -> Double {
        let truncated = CMath.fmod(a, b)
        return truncated != 0 && (truncated < 0) != (b < 0) ? truncated + b : truncated
    }

    /// Python's //, by way of the remainder: ⌊a / b⌋ is off where the quotient was rounded up to a whole number.
    private static func floorQuotient(_ a: Double, _ b: Double) -> Double {
        if b == 0 { return a / b }
        let rest = CMath.fmod(a, b)
        var quotient = (a - rest) / b
        if rest != 0, (rest < 0) != (b < 0) { quotient -= 1 }
        if quotient == 0 { return a / b * 0 }
        let whole = quotient.rounded(.down)
        return quotient - whole > 0.5 ? whole + 1 : whole
    }
}
