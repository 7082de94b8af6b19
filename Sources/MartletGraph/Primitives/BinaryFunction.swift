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
    /// c · ∂y/∂a and c · ∂y/∂b, c what arrives; nil where zero everywhere.
    package var flows: (left: Flow?, right: Flow?) = (nil, nil)
    /// The value in float64.
    package let reference: @Sendable (Double, Double) -> Double

    package typealias Flow = @Sendable (_ a: Value, _ b: Value, _ y: Value, _ c: Value) -> Value
}

extension BinaryFunction {
    package var row: BinaryRow { Self.rows[Int(rawValue)] }

    private static let rows: [BinaryRow] = allCases.map(makeRow)

    private static func makeRow(_ function: BinaryFunction) -> BinaryRow {
        switch function {
        case .add:
            BinaryRow(name: "add", flows: ({ _, _, _, c in c }, { _, _, _, c in c }), reference: { $0 + $1 })
        case .subtract:
            BinaryRow(name: "subtract", flows: ({ _, _, _, c in c }, { _, _, _, c in -c }), reference: { $0 - $1 })
        case .multiply:
            BinaryRow(
                name: "multiply", residuals: .operands, flows: ({ _, b, _, c in c * b }, { a, _, _, c in c * a }),
                reference: { $0 * $1 })
        case .divide:
            // c / b and not c · (1 / b), which float16 cannot hold of a small b.
            BinaryRow(
                name: "divide", needsFloat: true, residuals: [.operands, .results],
                flows: ({ _, b, _, c in c / b }, { _, b, y, c in c * -(y / b) }), reference: { $0 / $1 })
        case .floorDivide:
            BinaryRow(name: "floorDivide", reference: { floorQuotient($0, $1) })
        case .remainder:
            BinaryRow(
                name: "remainder", residuals: .operands,
                flows: ({ _, _, _, c in c }, { a, b, _, c in c * -Value.binary(.floorDivide, a, b) }),
                reference: { remainder($0, $1) })
        case .power:
            BinaryRow(
                name: "pow", residuals: [.operands, .results], flows: (powerByBase, powerByExponent),
                reference: { CMath.pow($0, $1) })
        case .maximum:
            BinaryRow(
                name: "maximum", residuals: .operands,
                flows: (
                    { a, b, _, c in share(of: c, a .> b, a .== b) }, { a, b, _, c in share(of: c, b .> a, a .== b) }
                ),
                reference: { $0.isNaN || $1.isNaN ? .nan : Swift.max($0, $1) })
        case .minimum:
            BinaryRow(
                name: "minimum", residuals: .operands,
                flows: (
                    { a, b, _, c in share(of: c, a .< b, a .== b) }, { a, b, _, c in share(of: c, b .< a, a .== b) }
                ),
                reference: { $0.isNaN || $1.isNaN ? .nan : Swift.min($0, $1) })
        case .atan2:
            BinaryRow(
                name: "atan2", needsFloat: true, residuals: .operands,
                flows: ({ a, b, _, c in c * (b / (a * a + b * b)) }, { a, b, _, c in c * -(a / (a * a + b * b)) }),
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

    /// c·b·a^(b-1), and 0 where b is 0 (so that 0^0 has derivative 0, as PyTorch).
    private static let powerByBase: BinaryRow.Flow = { a, b, _, c in
        c * Value.choose(b .== b.constant(0), b.constant(0), b * a.pow(b - 1))
    }

    /// c·y·ln a, and 0 where a is 0 and b is not negative; of the branch that is not taken no derivative may be infinite.
    private static let powerByExponent: BinaryRow.Flow = { a, b, y, c in
        let atZero = Value.binary(.logicalAnd, a .== a.constant(0), b .>= b.constant(0))
        let base = Value.choose(atZero, a.constant(1), a)
        return c * Value.choose(atZero, a.constant(0), y * base.applying(.log))
    }

    /// c where the operand wins, half of it where both are equal. Chosen and not multiplied: an infinite c may arrive at the loser.
    private static func share(of c: Value, _ wins: Value, _ ties: Value) -> Value {
        Value.choose(wins, c, Value.choose(ties, c * 0.5, c.constant(0)))
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
