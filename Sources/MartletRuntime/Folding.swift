import MartletGraph

/// A graph whose kernels take in elementwise work around them: what the passes that fold share.
struct Folding {
    private(set) var graph: PlanGraph
    private let backend: any Backend
    /// For each base, the items that read it; -1 stands for a reader that is no operand.
    private var readers: [[Int]]
    private var hasChanged = false
    /// True where what is folded must have been recorded in inference, like what it is folded into.
    private let isInference: Bool

    init(_ graph: PlanGraph, _ backend: any Backend, isInference: Bool = false) {
        (self.graph, self.backend, self.isInference) = (graph, backend, isInference)
        readers = graph.readers
    }

    /// The graph as it is by now, in order.
    var result: PlanGraph { hasChanged ? graph.inOrder() : graph }

    func onlyReader(of base: Int) -> Int? { graph.onlyReader(of: base, among: readers) }

    func isWholeBlocked(_ operand: PlanGraph.Operand) -> Bool {
        operand.blockedShape != nil && graph.isWhole(operand)
    }

    /// True for an item that is this operation and may be folded.
    func isElementwise(_ operation: FusedKernel.Operation, _ item: Int) -> Bool {
        graph.items[item].work.isElementwise(operation) && (graph.items[item].isInference || !isInference)
    }

    /// The rectifier that alone reads a base.
    func onlyRectifier(of base: Int) -> Int? {
        onlyReader(of: base).flatMap { isElementwise(.unary(.relu), $0) ? $0 : nil }
    }

    /// The item that alone reads a base and adds another whole blocked value, one that does not stand on `item`; and that value.
    func onlyAddition(of base: Int, in item: Int) -> (adder: Int, other: PlanGraph.Operand)? {
        guard let adder = onlyReader(of: base), isElementwise(.binary(.add), adder),
            let other = graph.items[adder].inputs.first(where: { $0.view.base != base }), isWholeBlocked(other),
            other.type == graph.bases[base].type, graph.isReal(other.view.base),
            !graph.depends(other.view.base, on: item)
        else { return nil }
        return (adder, other)
    }

    /// `onlyAddition` of values that both lie plain and whole.
    func onlyPlainAddition(of base: Int, in item: Int) -> (adder: Int, other: PlanGraph.Operand)? {
        guard let adder = onlyReader(of: base), isElementwise(.binary(.add), adder),
            graph.items[adder].inputs.allSatisfy({ graph.isWhole($0) && $0.type == graph.bases[base].type }),
            let other = graph.items[adder].inputs.first(where: { $0.view.base != base }), other.blockedShape == nil,
            graph.isReal(other.view.base), !graph.depends(other.view.base, on: item)
        else { return nil }
        return (adder, other)
    }

    func hasCostlyPostOperations(in dtype: DataType) -> Bool { backend.hasCostlyPostOperations(in: dtype) }

    /// The operand in float32: what it was before a cast, where there was one.
    mutating func widened(_ operand: PlanGraph.Operand) -> PlanGraph.Operand {
        if operand.type.dtype == .float32 { return operand }
        if graph.isWhole(operand), let producer = graph.producer(of: operand.view.base),
            graph.items[producer].work.isElementwise(.cast), let before = graph.items[producer].inputs.first,
            before.type.dtype == .float32, before.type.shape.sizes == operand.type.shape.sizes
        {
            return before
        }
        return added(.cast, [operand], TensorType(operand.type.shape, .float32))
    }

    /// New elementwise work of one result.
    mutating func added(
        _ operation: FusedKernel.Operation, _ operands: [PlanGraph.Operand], _ type: TensorType
    ) -> PlanGraph.Operand {
        defer {
            readers = graph.readers
            hasChanged = true
        }
        return graph.addItem(.elementwise(operation), operands, [type])[0]
    }

    /// Puts a composite in an item's place, where the backend has a kernel for it: what it makes takes the place of what other
    /// items made, which go.
    ///
    /// - Returns: whether it has.
    @discardableResult
    mutating func replace(
        _ index: Int, with folded: any Composite, _ operands: [PlanGraph.Operand], outputs: [Int]
    ) -> Bool {
        guard backend.hasKernel(for: folded, operands: operands.map(\.layout)) else { return false }
        let old = graph.items[index]
        graph.items[index].work = .primitive(.composite(CompositeCall(folded)))
        graph.items[index].inputs = operands
        graph.items[index].outputs = outputs
        for base in old.outputs where !outputs.contains(base) { graph.bases[base].kind = .empty }
        for base in outputs { graph.bases[base].kind = .produced(item: index) }
        let origins = graph.items.map(\.origins)
        for gone in graph.dropUnread() {
            for origin in origins[gone] where !graph.items[index].origins.contains(origin) {
                graph.items[index].origins.append(origin)
            }
        }
        readers = graph.readers
        hasChanged = true
        return true
    }
}
