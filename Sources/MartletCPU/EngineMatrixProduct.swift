import CEngines
import CMartletKernels
import MartletGraph
import MartletRuntime

/// A matrix product on the engine.
final class EngineMatrixProduct: PreparedKernel {
    private let operation: EngineOperation
    private let backend: CPUBackend
    private let hasBias: Bool
    private let addsResidual: Bool

    /// Multiplications from which on the engine is quicker than the portable kernel.
    private static let smallest = 1 << 21

    /// True where the engine folds into a product what the composite says. Of large products of few terms blocks are computed.
    static func has(_ folded: MatrixProductActivation, _ operands: [OperandLayout], _ engine: OneDNN?) -> Bool {
        let types = operands.map(\.type)
        guard engine != nil, operands.allSatisfy({ $0.type.dtype == .float32 && $0.block == nil }),
            let result = try? folded.resultTypes(of: types)[0], result.shape.rank == 2,
            folded.product.hasBias || !BlockedMatrixProduct.serves(types[0], types[1])
        else { return false }
        return result.shape.elementCount * types[0].shape[1] >= smallest
    }

    /// Nil where the engine has no kernel, or the portable one is as quick: small products.
    ///
    /// - Parameters:
    ///   - packs: the right operand lies as the engine wants it (`layout`).
    ///   - folded: what is done behind the product.
    init?(
        _ product: MatrixProduct, _ step: StepDescription, _ backend: CPUBackend, packs: Bool = false,
        folded: MatrixProductActivation? = nil
    ) {
        guard let engine = backend.engine, engine.serves(step.outputs[0].type.dtype) else { return nil }
        var attributes = ce_matmul()
        attributes.b_format = ce_format(kind: packs ? CE_FORMAT_ANY : CE_FORMAT_PLAIN, layout: nil)
        attributes.relu = folded?.rectifies ?? false
        if folded?.addsResidual == true {
            attributes.addend = Int32(CE_ADDEND_FULL.rawValue)
            attributes.addend_dtype = Int32(step.outputs[0].type.dtype.rawValue)
        }
        let primitive = folded.map { Primitive.composite(CompositeCall($0)) } ?? .matmul(product)
        guard let operation = EngineMatrixProduct.make(primitive, product.hasBias, step, &attributes, engine) else {
            return nil
        }
        self.operation = operation
        self.backend = backend
        hasBias = product.hasBias
        addsResidual = folded?.addsResidual ?? false
    }

    var workspace: [Int] { [operation.scratchpadByteCount] }

    private static func make(
        _ primitive: Primitive, _ hasBias: Bool, _ step: StepDescription, _ attributes: inout ce_matmul,
        _ engine: OneDNN
    ) -> EngineOperation? {
        let geometry = MatrixGeometry(step)
        guard geometry.isUniform, geometry.operationCount >= smallest else { return nil }
        let shape = geometry.shape(batch: geometry.batchCount)
        let dtype = Int32(step.outputs[0].type.dtype.rawValue)
        if withUnsafePointer(to: shape, { mk_matmul_outruns_engines(dtype, $0) }) { return nil }
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
        (attributes.dtype, attributes.c_dtype, attributes.bias_dtype) = (dtype, dtype, dtype)
        attributes.has_bias = hasBias
        let strides = step.inputs.map { TensorType(Shape($0.strides), .int64) }
        let description = OneDNN.Description(
            primitive: primitive, operands: step.inputs.map(\.type) + strides,
            layouts: attributes.b_format.kind == CE_FORMAT_ANY ? [1] : [])
        return engine.operation(description) { ce_matmul_make(&attributes, $0) }
    }

    /// How the right operand lies.
    var layout: OpaquePointer? { operation.layout(Int(CE_MATMUL_B.rawValue)) }

    func run(_ pointers: UnsafeMutablePointer<UnsafeMutableRawPointer>, _ scalars: UnsafePointer<Scalar>) throws {
        try run(pointers, right: pointers[1])
    }

    /// Runs with the right operand at another place than its pointer.
    func run(
        _ pointers: UnsafeMutablePointer<UnsafeMutableRawPointer>, right: UnsafeMutableRawPointer
    ) throws {
        try withUnsafeTemporaryAllocation(
            of: UnsafeMutableRawPointer?.self, capacity: Int(CE_MATMUL_SLOTS.rawValue)
        ) { table in
            table.initialize(repeating: nil)
            table[Int(CE_MATMUL_A.rawValue)] = pointers[0]
            table[Int(CE_MATMUL_B.rawValue)] = right
            if hasBias { table[Int(CE_MATMUL_BIAS.rawValue)] = pointers[2] }
            let next = hasBias ? 3 : 2
            if addsResidual { table[Int(CE_MATMUL_ADDEND.rawValue)] = pointers[next] }
            table[Int(CE_MATMUL_C.rawValue)] = pointers[addsResidual ? next + 1 : next]
            if let base = table.baseAddress { try operation.run(base, backend) }
        }
    }
}

/// A product of 16-bit numbers in inference whose right operand is packed once it is met again: a layer's weights, which then are
/// not cast any more. (In float32 nothing was gained: AlexNet on 16 images took as long.)
final class PackedMatrixProduct: PackingKernel {
    private let plain: EngineMatrixProduct
    private let packed: EngineMatrixProduct
    private let reorder: EngineReorder
    private let backend: CPUBackend
    let packedOperand = 1
    let packing: UInt64?
    let packsAnyway = false
    var packedByteCount: Int { reorder.byteCount }
    var workspace: [Int] { packed.workspace.map { max($0, plain.workspace.max() ?? 0) } }

    /// Nil where the engine takes the operand as it lies, or the right operand is a batch of matrices.
    init?(_ product: MatrixProduct, _ step: StepDescription, plain: EngineMatrixProduct, _ backend: CPUBackend) {
        let right = step.inputs[1]
        let rank = right.type.shape.rank
        guard step.isInference, right.type.dtype != .float32,
            right.strides.dropLast(2).enumerated().allSatisfy({ $1 == 0 || right.type.shape[$0] == 1 }),
            let packed = EngineMatrixProduct(product, step, backend, packs: true), let layout = packed.layout,
            !ce_layout_is_opaque(layout),
            let reorder = EngineReorder(
                layout, fromMatrix: (right.type.shape[rank - 2], right.type.shape[rank - 1]),
                strides: (right.strides[rank - 2], right.strides[rank - 1]), right.type.dtype)
        else { return nil }
        (self.plain, self.packed, self.reorder, self.backend) = (plain, packed, reorder, backend)
        packing = ce_layout_hash(layout)
    }

    func pack(_ operand: UnsafeMutableRawPointer) throws -> Buffer {
        let buffer = try backend.allocate(byteCount: reorder.byteCount)
        try reorder.run(from: operand, to: buffer.address, backend)
        return buffer
    }

    func run(_ pointers: UnsafeMutablePointer<UnsafeMutableRawPointer>, _ scalars: UnsafePointer<Scalar>) throws {
        try plain.run(pointers, scalars)
    }

    func run(
        _ pointers: UnsafeMutablePointer<UnsafeMutableRawPointer>, _ scalars: UnsafePointer<Scalar>,
        packed operand: UnsafeMutableRawPointer
    ) throws { try packed.run(pointers, right: operand) }
}
