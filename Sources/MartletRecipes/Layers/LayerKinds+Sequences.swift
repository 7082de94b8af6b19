import MartletGraph
import MartletNN
import MartletTensor

extension LayerKinds {
    /// Layers over sequences, `[time, features]` a sample.
    static let sequences = [
        recurrent("RNN") { inputs, settings in
            RNN(
                inputs, settings.hidden, layers: settings.layers, batchFirst: true, dropout: settings.dropout,
                bidirectional: settings.isBidirectional, nonlinearity: settings.isRectified ? .relu : .tanh)
        },
        recurrent("LSTM") { inputs, settings in
            LSTM(
                inputs, settings.hidden, layers: settings.layers, batchFirst: true, dropout: settings.dropout,
                bidirectional: settings.isBidirectional)
        },
        recurrent("GRU") { inputs, settings in
            GRU(
                inputs, settings.hidden, layers: settings.layers, batchFirst: true, dropout: settings.dropout,
                bidirectional: settings.isBidirectional)
        },
        LayerRecipe.Kind(name: "TransformerEncoderLayer") { map in
            let heads = try map.count("heads", default: 4, atLeast: 1)
            let width = try map.count("feed_forward", default: 128, atLeast: 1)
            let dropout = try map.number("dropout", default: 0.1, in: .probability)
            let isFirst = try map.flag("norm_first")
            return { input, origin in
                guard input.rank == 2, input[1] % heads == 0 else {
                    throw origin.mismatch("steps of features that \(heads) heads divide", input)
                }
                return TransformerEncoderLayer(
                    input[1], heads: heads, feedforward: width, dropout: dropout, normFirst: isFirst, batchFirst: true)
            }
        },
        LayerRecipe.Kind(name: "LastStep") { _ in
            { input, origin in
                guard input.rank == 2 else { throw origin.mismatch("steps of features", input) }
                return Lambda { $0.narrow(axis: 1, start: $0.shape[1] - 1, count: 1).squeeze(axis: 1) }
            }
        },
    ]

    private struct Recurrent: Sendable {
        let hidden, layers: Int
        let dropout: Double
        let isBidirectional, isRectified: Bool
    }

    private static func recurrent(
        _ name: String, _ make: @escaping @Sendable (_ inputs: Int, _ settings: Recurrent) -> any Layer
    ) -> LayerRecipe.Kind {
        LayerRecipe.Kind(name: name, shorthand: "hidden") { map in
            let settings = Recurrent(
                hidden: try map.count("hidden", atLeast: 1), layers: try map.count("layers", default: 1, atLeast: 1),
                dropout: try map.number("dropout", default: 0, in: .probability),
                isBidirectional: try map.flag("bidirectional"),
                isRectified: name == "RNN"
                    ? try map.name("nonlinearity", among: ["tanh", "relu"], default: "tanh") == "relu" : false)
            return { input, origin in
                guard input.rank == 2 else { throw origin.mismatch("steps of features", input) }
                return make(input[1], settings)
            }
        }
    }
}
