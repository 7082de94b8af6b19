import MartletGraph
import MartletRuntime

/// A product with a large result and few terms in each element, block of rows by block of rows: what comes behind a block finds
/// it in a cache. The gradient of a large layer's weights is one.
///
/// By its shape alone a product is computed so, whether something comes behind or not: its bits are the same.
final class BlockedMatrixProduct: DescribedKernel {
    /// Rows of each block but the last.
    let rows: Int
    private let m: Int
    private let rowByteCount: Int
    /// Bytes from one row of the left operand to the next.
    private let leftRowByteCount: Int
    private let whole: any PreparedKernel
    /// The kernel of the last block, which may have fewer rows.
    private let last: any PreparedKernel

    /// True for products of these operands, `[m, k]` and `[k, n]`.
    static func serves(_ left: TensorType, _ right: TensorType) -> Bool {
        guard left.dtype == .float32, right.dtype == .float32, left.shape.rank == 2, right.shape.rank == 2 else {
            return false
        }
        let (m, k, n) = (left.shape[0], left.shape[1], right.shape[1])
        return m * n >= smallest && m > rows(k, n) && (1...mostTerms).contains(k)
    }

    /// Bytes of a block of the product of these operands.
    static func blockByteCount(_ left: TensorType, _ right: TensorType) -> Int {
        let (k, n) = (left.shape[1], right.shape[1])
        return rows(k, n) * n * MemoryLayout<Float>.size
    }

    /// Elements of a result that does not stay in the second cache.
    private static let smallest = 1 << 20
    /// Terms of an element above which multiplying takes so long that what a pass over memory takes does not show.
    private static let mostTerms = 512
    /// Elements of a block: what the second cache holds beside what an update reads.
    private static let blockElements = 1 << 18

    /// Rows of a block: as many as the right operand at least, which each block reads anew.
    private static func rows(_ k: Int, _ n: Int) -> Int {
        let fitting = max(blockElements / max(n, 1), k, 1)
        return fitting < 8 ? fitting : fitting / 8 * 8
    }

    /// Nil for other products.
    init?(_ product: MatrixProduct, _ left: OperandDescription, _ right: OperandDescription, _ backend: CPUBackend)
        throws
    {
        guard !product.hasBias, BlockedMatrixProduct.serves(left.type, right.type) else { return nil }
        let (k, n) = (left.type.shape[1], right.type.shape[1])
        m = left.type.shape[0]
        rows = BlockedMatrixProduct.rows(k, n)
        rowByteCount = n * MemoryLayout<Float>.size
        leftRowByteCount = left.strides[0] * MemoryLayout<Float>.size
        func kernel(_ rows: Int) throws -> any PreparedKernel {
            try backend.prepareWhole(
                product,
                .part(.matmul(product), [left.prefix(rows: rows), right], [.contiguous([rows, n], .float32)]))
        }
        whole = try kernel(rows)
        last = m % rows == 0 ? whole : try kernel(m % rows)
    }

    var method: String { "blocks of \(rows) rows" }
    var workspace: [Int] {
        let (first, second) = (whole.workspace.reduce(0, +), last.workspace.reduce(0, +))
        return [max(first, second)]
    }
    var blockByteCount: Int { rows * rowByteCount }

    /// Computes block after block.
    ///
    /// - Parameters:
    ///   - target: where a block goes, by its first row.
    ///   - then: what comes behind a block.
    func run(
        left: UnsafeMutableRawPointer, right: UnsafeMutableRawPointer, _ scalars: UnsafePointer<Scalar>,
        target: (_ firstRow: Int) -> UnsafeMutableRawPointer,
        then: (_ rows: Range<Int>, _ block: UnsafeMutableRawPointer) throws -> Void
    ) throws {
        try withUnsafeTemporaryAllocation(of: UnsafeMutableRawPointer.self, capacity: 3) { table in
            guard let pointers = table.baseAddress else { return }
            var first = 0
            while first < m {
                let end = min(first + rows, m)
                table[0] = left + first * leftRowByteCount
                table[1] = right
                table[2] = target(first)
                try (end - first == rows ? whole : last).run(pointers, scalars)
                try then(first..<end, target(first))
                first = end
            }
        }
    }

    func run(_ pointers: UnsafeMutablePointer<UnsafeMutableRawPointer>, _ scalars: UnsafePointer<Scalar>) throws {
        let (result, rowByteCount) = (pointers[2], rowByteCount)
        try run(
            left: pointers[0], right: pointers[1], scalars, target: { result + $0 * rowByteCount },
            then: { _, _ in })
    }
}

/// A product and, behind each of its blocks, the sums of the squares of its pieces.
final class SquaredProductKernel: DescribedKernel {
    private let product: BlockedMatrixProduct
    private let pieces: SquaredPiecesKernel
    private let columns: Int

    init?(_ step: StepDescription, _ backend: CPUBackend) throws {
        guard
            let product = try BlockedMatrixProduct(
                MatrixProduct(hasBias: false), step.inputs[0], step.inputs[1], backend)
        else { return nil }
        self.product = product
        pieces = SquaredPiecesKernel(step.outputs[0].type)
        columns = step.outputs[0].type.shape[1]
    }

    var method: String { product.method }
    var workspace: [Int] { product.workspace }

    func run(_ pointers: UnsafeMutablePointer<UnsafeMutableRawPointer>, _ scalars: UnsafePointer<Scalar>) throws {
        let (result, sums, columns, pieces) = (pointers[2], pointers[3], columns, pieces)
        let rowByteCount = columns * MemoryLayout<Float>.size
        try product.run(
            left: pointers[0], right: pointers[1], scalars, target: { result + $0 * rowByteCount },
            then: { rows, _ in
                // A piece that reaches into the next block is added up behind that.
                pieces.run(result, from: rows.lowerBound * columns, to: rows.upperBound * columns, into: sums)
            })
    }
}
