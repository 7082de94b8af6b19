import MartletGraph

// The product that makes a weight's gradient and the update that alone reads it as one step: block by block of the weight's rows the
// gradient is made and used while it lies in a cache. Where nobody keeps it, it lies in memory at no time.

extension Planner {
    /// Updates that alone read a matrix product join it, where the backend has a kernel for both and neither the parameter nor
    /// its state is read after the product by anything else: these are renewed in place.
    mutating func joinGradientUpdates() {
        guard steps.contains(where: { $0.update != nil }) else { return }
        let uses = StepUses(steps, graph)
        var removed = Set<Int>()
        var joined: [Int: [Step]] = [:]
        for index in steps.indices {
            guard let (product, place, step) = joinedUpdate(index, uses, besides: removed) else { continue }
            removed.formUnion([product, index])
            joined[place, default: []].append(step)
        }
        guard !removed.isEmpty else { return }
        steps = steps.indices.flatMap { index in
            (removed.contains(index) ? [] : [steps[index]]) + (joined[index] ?? [])
        }
    }

    /// The update of a step with the product that makes its gradient, and the step behind which both can run.
    ///
    /// - Parameter moved: steps that joined already, and may run later than they stand: none of them may make what is read.
    private func joinedUpdate(
        _ index: Int, _ uses: StepUses, besides moved: Set<Int>
    ) -> (product: Int, place: Int, step: Step)? {
        let own = steps[index]
        guard let update = own.update, own.repetitions == 1 else { return nil }
        let gradient = own.inputs[1]
        let base = gradient.view.base
        guard graph.isWhole(gradient), uses.readers[base] == [index], let product = uses.producer[base],
            case .primitive(.matmul(let family), _) = steps[product].work, !family.hasBias
        else { return nil }
        let operands = [own.inputs[0]] + steps[product].inputs + own.inputs.dropFirst(2)
        let composite = GradientUpdate(update, keepsGradient: graph.bases[base].isKept)
        guard backend.hasKernel(for: composite, operands: operands.map(\.layout)) else { return nil }
        let renewed = own.inputs.prefix(update.tensorCount).map(\.view.base).filter { $0 != base }
        let before = own.basesRead(graph).compactMap { uses.producer[$0] }
        let readers = renewed.flatMap { uses.readers[$0] ?? [] }.filter { $0 != index }
        let place = (before + readers).reduce(product) { max($0, $1) }
        // Whatever reads the new values, or what the product reads for longer than it is needed, would lose by it.
        guard moved.isDisjoint(with: before), moved.isDisjoint(with: readers),
            own.outputs.allSatisfy({ (uses.readers[$0] ?? []).allSatisfy { $0 > place } }),
            prolonged(steps[product].inputs, from: product, to: place, uses) <= gradient.type.byteCount
        else { return nil }
        var step = own
        step.work = .primitive(.composite(CompositeCall(composite)), arguments: [])
        step.inputs = operands
        if composite.keepsGradient { step.outputs.append(base) }
        step.items = steps[product].items + own.items
        step.origins = steps[product].origins + own.origins.filter { !steps[product].origins.contains($0) }
        return (product, place, step)
    }

    /// Bytes of temporaries that would live on until a later step reads them.
    private func prolonged(_ operands: [PlanGraph.Operand], from step: Int, to later: Int, _ uses: StepUses) -> Int {
        let bases = Set(operands.map(\.view.base)).filter { base in
            uses.producer[base] != nil && !graph.bases[base].isKept && (uses.readers[base]?.last ?? step) < later
        }
        return bases.reduce(0) { $0 + graph.bases[$1].type.byteCount }
    }
}

/// For each base, the step that makes it and those that read it, in order.
struct StepUses {
    private(set) var producer: [Int: Int] = [:]
    private(set) var readers: [Int: [Int]] = [:]

    init(_ steps: [Planner.Step], _ graph: PlanGraph) {
        for (index, step) in steps.enumerated() {
            for base in step.outputs { producer[base] = index }
            for base in step.basesRead(graph) where readers[base]?.last != index {
                readers[base, default: []].append(index)
            }
        }
    }
}

extension Planner.Step {
    /// The composite that renews a parameter, where the step is a call of one.
    var update: (any UpdateComposite)? {
        if case .primitive(.composite(let call), _) = work { call.composite as? any UpdateComposite } else { nil }
    }
}

/// An update whose gradient is a matrix product that it computes itself.
///
///     g = a · b,  then the update
///
/// ## Shapes
/// - operands: the parameter `[m, n]`, a `[m, k]`, b `[k, n]`, then those of the update behind its gradient
/// - results: those of the update, then g where it is kept
package struct GradientUpdate: Composite {
    /// What is done with the product.
    package let update: any UpdateComposite
    /// True where the product is a result.
    package let keepsGradient: Bool
    private let call: CompositeCall

    package init(_ update: any UpdateComposite, keepsGradient: Bool) {
        (self.update, self.keepsGradient) = (update, keepsGradient)
        call = CompositeCall(update)
    }

    package var name: String { "matmul+" + update.name }
    package var residuals: Residuals { .operands }

    /// Operands before the scalars: parameter, both factors, state.
    package var tensorCount: Int { update.tensorCount + 1 }

    package func resultTypes(of operands: [TensorType]) throws(ShapeError) -> [TensorType] {
        let gradient = try MatrixProduct(hasBias: false).resultTypes(of: [operands[1], operands[2]], arguments: [])
        return try update.resultTypes(of: [operands[0]] + gradient + operands.dropFirst(3))
            + (keepsGradient ? gradient : [])
    }

    package func body(_ operands: [Value]) -> [Value] {
        let gradient = operands[1].matmul(operands[2])
        return update.body([operands[0], gradient] + operands.dropFirst(3)) + (keepsGradient ? [gradient] : [])
    }

    package func pullback(_ node: Node, _ cotangents: [Value?], wanted: [Bool]) -> [Value?]? { nil }

    package func encode(into key: inout KeyWriter) {
        key.write(keepsGradient)
        key.write(update.name)
        update.encode(into: &key)
    }

    package static func == (a: GradientUpdate, b: GradientUpdate) -> Bool {
        a.call == b.call && a.keepsGradient == b.keepsGradient
    }
    package func hash(into hasher: inout Hasher) {
        hasher.combine(call)
        hasher.combine(keepsGradient)
    }
}
