import CEngines
import MartletGraph
import MartletRuntime

/// A matrix product on the engine.
final class EngineMatrixProduct: PreparedKernel {
    private let operation: EngineOperation
    private let backend: CPUBackend
    private let hasBias: Bool

    /// Nil where the engine has no kernel, or the portable one is as quick: small products.
    init?(_ product: MatrixProduct, _ step: StepDescription, _ backend: CPUBackend) {
        guard let engine = backend.engine, engine.serves(step.outputs[0].type.dtype) else { return nil }
        var attributes = ce_matmul()
        let geometry = MatrixGeometry(step)
        guard let operation = EngineMatrixProduct.make(product, geometry, step, &attributes, engine) else { return nil }
        self.operation = operation
        self.backend = backend
        hasBias = product.hasBias
    }

    var workspace: [Int] { [operation.scratchpadByteCount] }

    private static func make(
        _ product: MatrixProduct, _ geometry: MatrixGeometry, _ step: StepDescription, _ attributes: inout ce_matmul,
        _ engine: OneDNN
    ) -> EngineOperation? {
        guard geometry.isUniform, geometry.operationCount >= 1 << 21 else { return nil }
        let shape = geometry.shape(batch: geometry.batchCount)
        let dtype = Int32(step.outputs[0].type.dtype.rawValue)
        if geometry.batchCount > 1 {
            attributes.batch_rank = 1
            attributes.batch.0 = shape.batch
            (attributes.a_batch.0, attributes.b_batch.0, attributes.c_batch.0) = (
                shape.a_batch, shape.b_batch, shape.c_batch
            )
        }
        (attributes.m, attributes.n, attributes.k) = (shape.m, shape.n, shape.k)
        (attributes.a_row, attributes.a_column) = (shape.a_row, shape.a_column)
        (attributes.b_row, attributes.b_column) = (shape.b_row, shape.b_column)
        attributes.c_row = shape.c_row
        attributes.b_format = ce_format(kind: CE_FORMAT_PLAIN, layout: nil)
        (attributes.dtype, attributes.c_dtype, attributes.bias_dtype) = (dtype, dtype, dtype)
        attributes.has_bias = product.hasBias
        let strides = step.inputs.map { TensorType(Shape($0.strides), .int64) }
        let description = OneDNN.Description(
            primitive: .matmul(product), operands: step.inputs.map(\.type) + strides, layouts: [])
        return engine.operation(description) { ce_matmul_make(&attributes, $0) }
    }

    func run(_ pointers: UnsafeMutablePointer<UnsafeMutableRawPointer>, _ scalars: UnsafePointer<Scalar>) throws {
        try withUnsafeTemporaryAllocation(
            of: UnsafeMutableRawPointer?.self, capacity: Int(CE_MATMUL_SLOTS.rawValue)
        ) { table in
            table.initialize(repeating: nil)
            table[Int(CE_MATMUL_A.rawValue)] = pointers[0]
            table[Int(CE_MATMUL_B.rawValue)] = pointers[1]
            if hasBias { table[Int(CE_MATMUL_BIAS.rawValue)] = pointers[2] }
            table[Int(CE_MATMUL_C.rawValue)] = pointers[hasBias ? 3 : 2]
            if let base = table.baseAddress { try operation.run(base, backend) }
        }
    }
}
