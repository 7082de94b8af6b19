import MartletGraph

/// Folds what follows a matrix product into its kernel, in inference: a residual, a rectifier. The result is written once.
///
/// Only in inference, as with convolutions: an engine's rectifier turns NaN into 0 (docs/decisions/0006).
struct ProductFusion {
    private var folding: Folding
    private var graph: PlanGraph { folding.graph }

    static func applied(to graph: PlanGraph, backend: any Backend) -> PlanGraph {
        let products = graph.items.indices.filter { index in
            if case .primitive(.matmul) = graph.items[index].work { graph.items[index].isInference } else { false }
        }
        guard !products.isEmpty else { return graph }
        var fusion = ProductFusion(folding: Folding(graph, backend, isInference: true))
        for index in products {
            if case .primitive(.matmul(let product)) = fusion.graph.items[index].work { fusion.fold(product, index) }
        }
        return fusion.folding.result
    }

    private mutating func fold(_ product: MatrixProduct, _ index: Int) {
        let item = graph.items[index]
        // One that nobody reads went when another was folded.
        guard var result = item.outputs.first, item.inputs.prefix(2).allSatisfy(isMatrix) else { return }
        var operands = item.inputs
        let addition = folding.onlyPlainAddition(of: result, in: index)
        if let addition {
            operands.append(addition.other)
            result = graph.items[addition.adder].outputs[0]
        }
        let rectifier = folding.onlyRectifier(of: result).flatMap { reader in
            graph.items[reader].inputs.allSatisfy { graph.isWhole($0) } ? reader : nil
        }
        if let rectifier { result = graph.items[rectifier].outputs[0] }
        guard result != item.outputs[0] else { return }
        let folded = MatrixProductActivation(product, addsResidual: addition != nil, rectifies: rectifier != nil)
        folding.replace(index, with: folded, operands, outputs: [result])
    }

    /// True for a plain matrix, transposed or not.
    private func isMatrix(_ operand: PlanGraph.Operand) -> Bool {
        let strides = operand.view.strides
        return operand.type.shape.rank == 2 && strides.allSatisfy { $0 > 0 } && strides.contains(1)
            && graph.isReal(operand.view.base)
    }
}
