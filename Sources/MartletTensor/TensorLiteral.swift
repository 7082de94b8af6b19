import MartletGraph

/// What stands between brackets where a tensor is expected: numbers, or rows of them. Its type is float32.
public indirect enum TensorLiteral: ExpressibleByArrayLiteral, ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral,
    Sendable
{
    /// A single number.
    case number(Double)
    /// Numbers or rows between brackets.
    case list([TensorLiteral])

    /// Rows or numbers between brackets.
    public init(arrayLiteral elements: TensorLiteral...) { self = .list(elements) }
    /// A number with a fraction.
    public init(floatLiteral value: Double) { self = .number(value) }
    /// A whole number, kept as a Double.
    public init(integerLiteral value: Int) { self = .number(Double(value)) }

    /// The sizes, read off the first entry of each list.
    private var sizes: [Int] {
        switch self {
        case .number: []
        case .list(let entries): [entries.count] + (entries.first?.sizes ?? [])
        }
    }

    private func append(to numbers: inout [Float], _ sizes: ArraySlice<Int>) -> Bool {
        switch self {
        case .number(let value):
            numbers.append(Float(value))
            return sizes.isEmpty
        case .list(let entries):
            guard entries.count == sizes.first else { return false }
            return entries.allSatisfy { $0.append(to: &numbers, sizes.dropFirst()) }
        }
    }

    /// The tensor; rows of unequal length stop.
    var tensor: Tensor {
        let sizes = sizes
        var numbers: [Float] = []
        guard append(to: &numbers, sizes[...]) else {
            stop("a tensor literal's rows differ in length or depth: \(self)")
        }
        return Tensor(numbers, shape: Shape(sizes))
    }
}

extension Tensor: ExpressibleByArrayLiteral {
    /// The float32 tensor of rows or numbers between brackets; stops where rows differ in length or depth.
    public init(arrayLiteral elements: TensorLiteral...) { self = TensorLiteral.list(elements).tensor }

    /// A literal: `Tensor(0)`, `Tensor([1, 2, 3])`, `Tensor([[1.0, 2.0]])`; float32.
    public init(_ literal: TensorLiteral) { self = literal.tensor }
}
