import MartletGraph
import MartletRuntime

/// A weight's gradient and its update, block of rows by block of rows: what the update reads and writes of a block lies side by side.
final class GradientUpdateKernel: DescribedKernel {
    private let product: BlockedMatrixProduct
    private let tensorCount: Int
    private let inputCount: Int
    /// Results of the update.
    private let resultCount: Int
    private let keepsGradient: Bool
    private let rowByteCount: Int
    private let whole: any PreparedKernel
    /// The update of the last block, which may have fewer rows.
    private let last: any PreparedKernel
    private let backend: CPUBackend

    static func has(_ composite: GradientUpdate, _ operands: [TensorType]) -> Bool {
        guard let types = try? composite.resultTypes(of: operands), types.allSatisfy({ $0.dtype == .float32 }) else {
            return false
        }
        let gradient = [operands[0], operands[0]] + operands.dropFirst(3)
        // The block is leased beside what the plan counts: it has to be little.
        return BlockedMatrixProduct.serves(operands[1], operands[2])
            && BlockedMatrixProduct.blockByteCount(operands[1], operands[2]) * 4 <= operands[0].byteCount
            && Updates.hasKernel(for: composite.update, operands: gradient)
    }

    /// Each result takes the place of what it renews; the product takes none.
    static func donation(_ composite: GradientUpdate, result: Int) -> Int? {
        guard let own = Updates.donation(composite.update, result: result), own != 1 else { return nil }
        return own == 0 ? 0 : own + 1
    }

    init?(_ composite: GradientUpdate, _ step: StepDescription, _ backend: CPUBackend) throws {
        guard
            let product = try BlockedMatrixProduct(
                MatrixProduct(hasBias: false), step.inputs[1], step.inputs[2], backend)
        else { return nil }
        self.product = product
        self.backend = backend
        tensorCount = composite.tensorCount
        inputCount = step.inputs.count
        keepsGradient = composite.keepsGradient
        let resultCount = step.outputs.count - (keepsGradient ? 1 : 0)
        self.resultCount = resultCount
        let (m, n) = (step.inputs[0].type.shape[0], step.inputs[0].type.shape[1])
        rowByteCount = n * MemoryLayout<Float>.size
        func kernel(_ rows: Int) throws -> any PreparedKernel {
            let block = OperandDescription.contiguous([rows, n], .float32)
            let tensors = Array(repeating: block, count: composite.update.tensorCount)
            return try Updates.prepare(
                composite.update,
                .part(
                    .composite(CompositeCall(composite.update)),
                    tensors + step.inputs.dropFirst(composite.tensorCount),
                    Array(repeating: block, count: resultCount)))
        }
        let rows = product.rows
        whole = try kernel(rows)
        last = m % rows == 0 ? whole : try kernel(m % rows)
    }

    var method: String { product.method }
    var workspace: [Int] { product.workspace + (keepsGradient ? [] : [product.blockByteCount]) }

    func run(_ pointers: UnsafeMutablePointer<UnsafeMutableRawPointer>, _ scalars: UnsafePointer<Scalar>) throws {
        let scratch = keepsGradient ? nil : try backend.leaseArena(byteCount: product.blockByteCount)
        let kept = pointers[inputCount + resultCount - (keepsGradient ? 0 : 1)]
        let rowByteCount = rowByteCount
        let target = { (row: Int) in scratch?.address ?? kept + row * rowByteCount }
        try withExtendedLifetime(scratch) {
            try withUnsafeTemporaryAllocation(
                of: UnsafeMutableRawPointer.self, capacity: inputCount - 1 + resultCount
            ) { table in
                try product.run(left: pointers[1], right: pointers[2], scalars, target: target) { rows, block in
                    fill(table, pointers, rows.lowerBound * rowByteCount, gradient: block)
                    guard let update = table.baseAddress else { return }
                    try (rows.count == product.rows ? whole : last).run(update, scalars)
                }
            }
        }
    }

    /// The update's pointers at a block: tensors move on, numbers stay.
    private func fill(
        _ table: UnsafeMutableBufferPointer<UnsafeMutableRawPointer>,
        _ pointers: UnsafeMutablePointer<UnsafeMutableRawPointer>, _ offset: Int, gradient: UnsafeMutableRawPointer
    ) {
        table[0] = pointers[0] + offset
        table[1] = gradient
        for input in 3..<inputCount { table[input - 1] = pointers[input] + (input < tensorCount ? offset : 0) }
        for result in 0..<resultCount {
            table[inputCount - 1 + result] = pointers[inputCount + result] + offset
        }
    }
}
