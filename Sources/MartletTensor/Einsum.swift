import MartletGraph

/// Einstein's summation: one letter an axis, products over the letters that meet, sums over those that the result lacks.
///
///     einsum("ij,jk->ik", a, b)        einsum("bhqd,bhkd->bhqk", q, k)        einsum("ii->i", a)        einsum("...i->...", a)
///
/// Without an arrow the result has the letters that occur once, in alphabetical order. Operands are multiplied from the
/// left, two at a time, as matrix products.
public func einsum(_ equation: String, _ operands: Tensor...) -> Tensor { einsum(equation, operands) }

/// `einsum` over a list of tensors.
public func einsum(_ equation: String, _ operands: [Tensor]) -> Tensor {
    var terms = EinsumEquation(equation, operands.map(\.shape))
    var values = zip(operands, terms.inputs).map { EinsumTerm($0.value, $1, equation) }
    guard var result = values.first else { stop("einsum(\"\(equation)\"): needs at least one tensor") }
    values.removeFirst()
    terms.inputs.removeFirst()
    for (index, next) in values.enumerated() {
        let later = Set(terms.inputs.dropFirst(index + 1).joined()).union(terms.output)
        result = result.multiplied(by: next, keeping: later)
    }
    return Tensor(result.arranged(as: terms.output).value)
}

/// The letters of an equation, an ellipsis spelled out as letters of its own.
private struct EinsumEquation {
    var inputs: [[Character]]
    var output: [Character]

    init(_ equation: String, _ shapes: [Shape]) {
        let sides = equation.filter { $0 != " " }.split(separator: ">", omittingEmptySubsequences: false)
        let hasArrow = sides.count == 2
        let left = hasArrow ? String(sides[0].dropLast()) : String(sides[0])
        let given = left.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard given.count == shapes.count, sides.count <= 2, !hasArrow || sides[0].last == "-" else {
            stop("einsum(\"\(equation)\"): names \(given.count) operands, \(shapes.count) are given")
        }
        let extra = zip(given, shapes).map { $0.contains("...") ? $1.rank - ($0.count - 3) : 0 }.max() ?? 0
        let letters = (0..<max(0, extra)).map { Character(UnicodeScalar(UInt8(48 + $0))) }
        func spelled(_ term: String, _ rank: Int?) -> [Character] {
            guard let dots = term.range(of: "...") else { return Array(term) }
            let count = rank.map { $0 - (term.count - 3) } ?? letters.count
            return Array(term[..<dots.lowerBound]) + letters.suffix(max(0, count)) + Array(term[dots.upperBound...])
        }
        inputs = zip(given, shapes).map { spelled($0, $1.rank) }
        for (term, shape) in zip(inputs, shapes) where term.count != shape.rank {
            stop("einsum(\"\(equation)\"): \"\(String(term))\" names \(term.count) axes of shape \(shape)")
        }
        if hasArrow {
            output = spelled(String(sides[1]), nil)
        } else {
            let all = inputs.joined()
            output =
                letters
                + Set(all).filter { one in !letters.contains(one) && all.filter { $0 == one }.count == 1 }.sorted()
        }
        let known = Set(inputs.joined())
        guard output.allSatisfy(known.contains), Set(output).count == output.count else {
            stop("einsum(\"\(equation)\"): the result's letters must stand on the left, each once")
        }
    }
}

extension String {
    fileprivate func range(of part: String) -> Range<String.Index>? {
        indices.first { self[$0...].hasPrefix(part) }.map { $0..<index($0, offsetBy: part.count) }
    }
}

/// A value with a letter for each axis, every letter once.
private struct EinsumTerm {
    var value: Value
    var letters: [Character]
    let equation: String

    init(_ value: Value, _ letters: [Character], _ equation: String) {
        self.value = value
        self.letters = letters
        self.equation = equation
        takeDiagonals()
    }

    /// A letter that stands twice names a diagonal.
    private mutating func takeDiagonals() {
        while let first = letters.indices.first(where: { letters[($0 + 1)...].contains(letters[$0]) }),
            let second = letters[(first + 1)...].firstIndex(of: letters[first])
        {
            guard value.shape[first] == value.shape[second] else {
                stop(
                    "einsum(\"\(equation)\"): \"\(letters[first])\" names sizes \(value.shape[first]) and \(value.shape[second])"
                )
            }
            let moved = value.movingAxis(second, to: value.rank - 1)
            value = Tensor(moved.movingAxis(first, to: value.rank - 2)).diagonal().value
            let letter = letters[first]
            letters.remove(at: second)
            letters.remove(at: first)
            letters.append(letter)
        }
    }

    /// The product with another term, summed over letters that neither `kept` nor only one side has.
    func multiplied(by other: EinsumTerm, keeping kept: Set<Character>) -> EinsumTerm {
        let left = summed(keeping: kept.union(other.letters))
        let right = other.summed(keeping: kept.union(letters))
        let shared = left.letters.filter(right.letters.contains)
        let batch = shared.filter(kept.contains)
        let contracted = shared.filter { !kept.contains($0) }
        let rows = left.letters.filter { !right.letters.contains($0) }
        let columns = right.letters.filter { !left.letters.contains($0) }
        let sizes = left.sizes.merging(right.sizes) { a, b in
            if a != b, a != 1, b != 1 { stop("einsum(\"\(equation)\"): a letter names sizes \(a) and \(b)") }
            return a == 1 ? b : a
        }
        func count(_ letters: [Character]) -> Int { letters.reduce(1) { $0 * (sizes[$1] ?? 1) } }
        let a = left.arranged(as: batch + rows + contracted, sizes).value
            .reshaped(known: [count(batch), count(rows), count(contracted)])
        let b = right.arranged(as: batch + contracted + columns, sizes).value
            .reshaped(known: [count(batch), count(contracted), count(columns)])
        let common = Value.productType(DataType.promoted(a.dtype, b.dtype))
        let product = a.cast(to: common).matmul(b.cast(to: common))
        let result = batch + rows + columns
        return EinsumTerm(product.reshaped(known: Shape(result.map { sizes[$0] ?? 1 })), result, equation)
    }

    private var sizes: [Character: Int] { Dictionary(uniqueKeysWithValues: zip(letters, value.shape.sizes)) }

    private func summed(keeping kept: Set<Character>) -> EinsumTerm {
        let axes = letters.indices.filter { !kept.contains(letters[$0]) }
        if axes.isEmpty { return self }
        return EinsumTerm(value.sum(axes), letters.filter(kept.contains), equation)
    }

    /// Summed over other letters, axes in this order, sizes of 1 broadcast where `sizes` says more.
    func arranged(as wanted: [Character], _ sizes: [Character: Int] = [:]) -> EinsumTerm {
        let own = summed(keeping: Set(wanted))
        let order = wanted.map { own.letters.firstIndex(of: $0) ?? 0 }
        let arranged = own.value.permuted(order)
        let target = Shape(zip(wanted, arranged.shape.sizes).map { sizes[$0] ?? $1 })
        return EinsumTerm(arranged.expanded(toKnown: target), wanted, equation)
    }
}
