import MartletGraph
import MartletTensor

/// A layer that can say how many multiplications it does.
public protocol CountsOperations: Layer {
    /// Multiply-adds of one call.
    func multiplyAdds(input: Shape, output: Shape) -> Int
}

/// What `summary(input:)` gives: a row a layer, in the order they run.
public struct ModuleSummary: Sendable, CustomStringConvertible {
    /// A layer's call.
    public struct Row: Sendable, Equatable {
        /// The layer's path in the module; empty for the module itself and layers outside it.
        public let name: String
        /// The name of the layer's class.
        public let type: String
        /// The shape of its output.
        public let output: Shape
        /// Elements in its parameters.
        public let parameters: Int
        /// Multiply-adds of its call; 0 for layers that cannot say.
        public let multiplyAdds: Int
    }
    /// The layers, in the order they run; a layer that runs twice has two rows.
    public let rows: [Row]
    /// Elements in all parameters of the module, each counted once.
    public let parameterCount: Int

    /// Multiply-adds of all layers.
    public var multiplyAdds: Int { rows.reduce(0) { $0 + $1.multiplyAdds } }

    /// The table as text, with a row of totals.
    public var description: String {
        let header = ["layer", "output shape", "parameters", "multiply-adds"]
        let cells = rows.map { row in
            [
                "\(row.name.isEmpty ? "" : row.name + " ")(\(row.type))", "\(row.output)", grouped(row.parameters),
                grouped(row.multiplyAdds),
            ]
        }
        let total = ["total", "", grouped(parameterCount), grouped(multiplyAdds)]
        let widths = header.indices.map { column in ([header, total] + cells).map { $0[column].count }.max() ?? 0 }
        func line(_ cells: [String]) -> String {
            let padded = cells.enumerated().map { column, text in
                let space = String(repeating: " ", count: widths[column] - text.count)
                return column < 2 ? text + space : space + text
            }
            return padded.joined(separator: "  ").trimmedEnd
        }
        let rule = widths.map { String(repeating: "-", count: $0) }.joined(separator: "  ")
        return ([line(header), rule] + cells.map(line) + [rule, line(total)]).joined(separator: "\n")
    }

    private func grouped(_ number: Int) -> String {
        var text = String(number)
        var position = text.count - 3
        while position > 0 {
            text.insert(",", at: text.index(text.startIndex, offsetBy: position))
            position -= 3
        }
        return text
    }
}

extension String {
    fileprivate var trimmedEnd: String {
        var text = self
        while text.last == " " { text.removeLast() }
        return text
    }
}

extension Layer {
    /// A table of layers with output shapes, parameters and multiply-adds for an input of this shape. Nothing is computed.
    public func summary(input shape: Shape, dtype: DataType = .float32) -> ModuleSummary {
        let names = Dictionary(
            namedModules.map { (ObjectIdentifier($0.module), $0.name) }, uniquingKeysWith: { first, _ in first })
        var rows: [ModuleSummary.Row] = []
        let trace = Recording(transformation: "summary")
        defer { trace.discard() }
        Recording.with(trace) {
            withoutGradient {
                withForwardHook { layer, input, output in
                    let count =
                        (layer as? any CountsOperations)?.multiplyAdds(input: input.shape, output: output.shape) ?? 0
                    rows.append(
                        ModuleSummary.Row(
                            name: names[ObjectIdentifier(layer)] ?? "", type: "\(type(of: layer))",
                            output: output.shape,
                            parameters: layer.parameterCount, multiplyAdds: count))
                } _: {
                    // In a scratch copy of the state: running statistics and generators stay as they are.
                    StateRecorder.$local.withValue(StateRecorderBox(StateRecorder(updating: stateSlots))) {
                        _ = self(Tensor(Value.placeholder(TensorType(shape, dtype))))
                    }
                }
            }
        }
        return ModuleSummary(rows: rows, parameterCount: parameterCount)
    }
}
