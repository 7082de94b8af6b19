import MartletGraph

/// Puts a rectifier that stands before a max pool behind it, in training: the maximum of rectified numbers is the rectified maximum,
/// bit for bit, NaN included, and a window has a quarter of the numbers or fewer.
///
/// Backward, what arrives is masked before it is spread over the windows: where the maximum was not above 0 nothing is to flow, and
/// the rest of a window gets 0 either way. The rectified value in full size, which the mask was made from, is never made.
///
/// A sum over the windows, the gradient of a bias, still goes over all of them: adding up what arrived would be quicker, but in
/// another order where a read had cut the recording.
///
/// In inference a convolution takes the rectifier in, which costs nothing (`ConvolutionFusion`).
enum RectifierPooling {
    static func applied(to graph: PlanGraph) -> PlanGraph {
        let gradients = graph.items.indices.filter { graph.items[$0].composite is MaxPoolGradient }
        guard !gradients.isEmpty else { return graph }
        var result = graph
        var readers = graph.readers
        var hasChanged = false
        for index in gradients {
            guard let found = RectifiedPool(behind: index, result, readers) else { continue }
            found.turn(&result)
            readers = result.readers
            hasChanged = true
        }
        return hasChanged ? result.inOrder() : graph
    }
}

/// A rectifier, the pool that reads it, and the derivatives of both, by their items.
private struct RectifiedPool {
    let rectifier, pool: Int
    let poolGradient, comparison, choice: Int

    init?(behind poolGradient: Int, _ graph: PlanGraph, _ readers: [[Int]]) {
        func onlyReader(_ base: Int) -> Int? { graph.onlyReader(of: base, among: readers) }
        func producer(_ item: Int, _ place: Int) -> Int? {
            let operand = graph.items[item].inputs[place]
            return graph.isWhole(operand) ? graph.producer(of: operand.view.base) : nil
        }
        let spread = graph.items[poolGradient].outputs[0]
        guard let choice = onlyReader(spread), let comparison = graph.rectifierComparison(of: choice),
            graph.items[choice].inputs[1].view.base == spread, graph.isWhole(graph.items[choice].inputs[1]),
            onlyReader(graph.items[comparison].outputs[0]) == choice,
            let rectifier = producer(comparison, 0), graph.items[rectifier].work.isElementwise(.unary(.relu)),
            let pool = producer(poolGradient, 1), case .primitive(.maxPool) = graph.items[pool].work,
            producer(pool, 0) == rectifier, onlyReader(graph.items[pool].outputs[1]) == poolGradient
        else { return nil }
        let rectified = graph.items[rectifier].outputs[0]
        let (whole, pooled) = (graph.bases[rectified], graph.bases[graph.items[pool].outputs[0]])
        let (given, arriving) = (graph.items[rectifier].inputs[0], graph.items[poolGradient].inputs[0])
        guard !whole.isKept, Set(readers[rectified]) == [pool, comparison], graph.isWhole(given),
            graph.isReal(given.view.base), given.type == whole.type,
            graph.bases[given.view.base].blockedShape?.sizes == whole.blockedShape?.sizes,
            arriving.type == pooled.type, arriving.blockedShape?.sizes == pooled.blockedShape?.sizes,
            pooled.type.shape.elementCount * 2 <= whole.type.shape.elementCount
        else { return nil }
        (self.rectifier, self.pool, self.poolGradient) = (rectifier, pool, poolGradient)
        (self.comparison, self.choice) = (comparison, choice)
    }

    /// Pools first; masks first.
    func turn(_ graph: inout PlanGraph) {
        let pooled = graph.items[pool].outputs[0]
        let dtype = graph.bases[pooled].type.dtype
        let (given, arriving) = (graph.items[rectifier].inputs[0], graph.items[poolGradient].inputs[0])
        let maximum = addBase(like: pooled, dtype, &graph)
        drop(graph.items[rectifier].outputs[0], &graph)
        set(pool, [given], [maximum, graph.items[pool].outputs[1]], &graph)
        set(rectifier, [graph.whole(maximum)], [pooled], &graph)

        let (isAbove, masked) = (addBase(like: pooled, .bool, &graph), addBase(like: pooled, dtype, &graph))
        let (zero, nothing) = (graph.items[comparison].inputs[1], graph.items[choice].inputs[2])
        let gradient = graph.items[choice].outputs[0]
        for item in [comparison, poolGradient] { drop(graph.items[item].outputs[0], &graph) }
        set(comparison, [graph.whole(pooled), spread(zero, like: pooled, graph)], [isAbove], &graph)
        set(choice, [graph.whole(isAbove), arriving, spread(nothing, like: pooled, graph)], [masked], &graph)
        set(poolGradient, [graph.whole(masked), graph.items[poolGradient].inputs[1]], [gradient], &graph)
    }

    private func addBase(like model: Int, _ dtype: DataType, _ graph: inout PlanGraph) -> Int {
        let base = graph.addBase(.empty, TensorType(graph.bases[model].type.shape, dtype))
        graph.bases[base].blockedShape = graph.bases[model].blockedShape
        return base
    }

    private func drop(_ base: Int, _ graph: inout PlanGraph) { graph.bases[base].kind = .empty }

    private func set(_ item: Int, _ inputs: [PlanGraph.Operand], _ outputs: [Int], _ graph: inout PlanGraph) {
        graph.items[item].inputs = inputs
        graph.items[item].outputs = outputs
        for base in outputs { graph.bases[base].kind = .produced(item: item) }
    }

    /// A number for each element of a base.
    private func spread(_ number: PlanGraph.Operand, like base: Int, _ graph: PlanGraph) -> PlanGraph.Operand {
        let shape = graph.bases[base].type.shape
        let view = View(base: number.view.base, strides: shape.indices.map { _ in 0 }, offset: number.view.offset)
        return PlanGraph.Operand(
            view: view, type: TensorType(shape, number.type.dtype),
            blockedShape: number.blockedShape == nil ? nil : graph.bases[base].blockedShape)
    }
}
