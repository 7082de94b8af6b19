import MartletGraph

// The squares of the norm over all gradients are added up where a gradient is made, while it lies in a cache, and not in a pass over
// all of them at the end. The pieces, and the order in which they are added, are those of that pass: so are the bits.

extension Planner {
    /// Large gradients bring the sums of their pieces to the norm that reads them: the product that makes one gives them as well,
    /// behind any other kernel a step makes them.
    mutating func gatherNorms() {
        let norms = steps.indices.filter { index in
            steps[index].isSquaredNorm && steps[index].inputs.allSatisfy { $0.type.dtype == .float32 }
        }
        guard !norms.isEmpty else { return }
        let uses = StepUses(steps, graph)
        // Gradients by their base, with the base of their pieces.
        var pieces: [Int: Int] = [:]
        var behind: [Int: [Step]] = [:]
        for norm in norms {
            var arePieces = steps[norm].inputs.map { _ in false }
            for (position, operand) in steps[norm].inputs.enumerated() {
                guard let made = pieces[operand.view.base] ?? makePieces(of: operand, uses, &behind) else { continue }
                pieces[operand.view.base] = made
                steps[norm].inputs[position] = graph.whole(made)
                arePieces[position] = true
            }
            if arePieces.contains(true) {
                steps[norm].work = .primitive(
                    .composite(CompositeCall(GatheredNorm(arePieces: arePieces))), arguments: [])
            }
        }
        guard !behind.isEmpty else { return }
        steps = steps.indices.flatMap { [steps[$0]] + (behind[$0] ?? []) }
    }

    /// The base of a gradient's pieces, made by the step that makes the gradient or by one behind it.
    private mutating func makePieces(
        of operand: PlanGraph.Operand, _ uses: StepUses, _ behind: inout [Int: [Step]]
    ) -> Int? {
        let base = operand.view.base
        // A fused step leaves a gradient as it goes through memory, and not in a cache.
        guard graph.isWhole(operand), operand.blockedShape == nil, let producer = uses.producer[base],
            case .primitive(let primitive, _) = steps[producer].work, steps[producer].repetitions == 1,
            operand.type.shape.elementCount >= SquaredPieces.smallest
        else { return nil }
        if case .matmul(let product) = primitive, !product.hasBias {
            let composite = ProductWithSquaredPieces()
            if backend.hasKernel(for: composite, operands: steps[producer].inputs.map(\.layout)) {
                let made = graph.addBase(
                    .produced(item: steps[producer].items[0]), SquaredPieces.type(of: operand.type))
                steps[producer].work = .primitive(.composite(CompositeCall(composite)), arguments: [])
                steps[producer].outputs.append(made)
                return made
            }
        }
        guard backend.hasKernel(for: SquaredPieces(), operands: [operand.layout]) else { return nil }
        let made = graph.addBase(.produced(item: steps[producer].items[0]), SquaredPieces.type(of: operand.type))
        behind[producer, default: []].append(
            Step(
                work: .primitive(.composite(CompositeCall(SquaredPieces())), arguments: []), inputs: [operand],
                outputs: [made], origins: steps[producer].origins))
        return made
    }
}

extension Planner.Step {
    fileprivate var isSquaredNorm: Bool {
        if case .primitive(.composite(let call), _) = work { call.composite is SquaredNorm } else { false }
    }
}

/// The sums of the squares of a tensor's pieces: 8192 elements each, in row-major order.
///
/// ## Shapes
/// - operand: x, of float32
/// - result: `[⌈elements / 8192⌉]`, float64
package struct SquaredPieces: Composite {
    package init() {}
    /// Elements of a piece: as `mk_squared_norm` cuts them.
    package static let length = 8192
    /// Elements of a gradient below which a kernel of its own costs more than a second look at it.
    static let smallest = 1 << 16

    package static func type(of x: TensorType) -> TensorType {
        TensorType([(x.shape.elementCount + length - 1) / length], .float64)
    }

    package var name: String { "squaredPieces" }
    package var residuals: Residuals { .operands }

    package func resultTypes(of operands: [TensorType]) throws(ShapeError) -> [TensorType] {
        guard operands[0].dtype == .float32 else {
            throw ShapeError(name, "needs a tensor of float32", shapes: operands.map(\.shape))
        }
        return [SquaredPieces.type(of: operands[0])]
    }

    package func body(_ operands: [Value]) -> [Value] {
        let count = operands[0].shape.elementCount
        let pieces = SquaredPieces.type(of: operands[0].type).shape[0]
        let flat = operands[0].reshaped(known: [count]).padded(low: [0], high: [pieces * Self.length - count])
        let x = flat.reshaped(known: [pieces, Self.length]).cast(to: .float64)
        return [(x * x).sum([1])]
    }

    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?]? { nil }
    package func encode(into key: inout KeyWriter) {}
}

/// A matrix product and the sums of the squares of its pieces (`SquaredPieces`).
///
/// ## Shapes
/// - operands: a `[m, k]`, b `[k, n]`
/// - results: a · b `[m, n]`, its pieces
package struct ProductWithSquaredPieces: Composite {
    package init() {}
    package var name: String { "matmul+squaredPieces" }
    package var residuals: Residuals { .operands }

    package func resultTypes(of operands: [TensorType]) throws(ShapeError) -> [TensorType] {
        let product = try MatrixProduct(hasBias: false).resultTypes(of: operands, arguments: [])
        return try product + SquaredPieces().resultTypes(of: product)
    }
    package func body(_ operands: [Value]) -> [Value] {
        let product = operands[0].matmul(operands[1])
        return [product] + SquaredPieces().body([product])
    }
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?]? { nil }
    package func encode(into key: inout KeyWriter) {}
}

/// `SquaredNorm` of tensors, some of which come as the sums of their pieces.
///
/// ## Shapes
/// - operands: float32 tensors of any shapes, or `SquaredPieces` of them
/// - result: `[]`, float32
package struct GatheredNorm: Composite {
    /// For each operand, whether it is made of the sums of pieces.
    package let arePieces: [Bool]
    package init(arePieces: [Bool]) { self.arePieces = arePieces }

    package var name: String { "squaredNorm of pieces" }
    package var residuals: Residuals { .operands }

    package func resultTypes(of operands: [TensorType]) throws(ShapeError) -> [TensorType] {
        [TensorType([], .float32)]
    }
    package func body(_ operands: [Value]) -> [Value] {
        let sums = zip(operands, arePieces).map { operand, isPieces in
            isPieces ? operand.sum([0]) : SquaredPieces().body([operand])[0].sum([0])
        }
        return [sums.dropFirst().reduce(sums[0], +).cast(to: .float32)]
    }
    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?]? { nil }
    package func encode(into key: inout KeyWriter) { for isPieces in arePieces { key.write(isPieces) } }
}
